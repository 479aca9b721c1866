"""The plugin for pytest, in runs of pytest of its own."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]

PROGRAM = """
from odyssey import Odyssey

async def session(prompt="A cat"):
    async with Odyssey() as client:
        await client.connect()
        async with client.stream(prompt) as stream:
            return await stream.interact("Pet the cat")
"""

BY_ITSELF = """
import asyncio
from program import session

def test_it(odyssey_trace):
    assert "Pet the cat" in asyncio.run(session())
"""

STYLES = {
    "plain": """
import asyncio, trio
from program import session

def test_asyncio(odyssey_service):
    assert "Pet" in asyncio.run(session())

def test_trio(odyssey_service):
    assert "Pet" in trio.run(session)
""",
    "anyio": """
import pytest
from program import session

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_it(odyssey_service):
    assert "Pet" in await session()
""",
    "pytest_asyncio": """
import pytest
from program import session

@pytest.mark.asyncio
async def test_it(odyssey_service):
    assert "Pet" in await session()
""",
    "pytest_trio": """
import pytest
from program import session

@pytest.mark.trio
async def test_it(odyssey_service):
    assert "Pet" in await session()
""",
}

PLUGINS = ("anyio", "pytest_asyncio.plugin", "pytest_trio.plugin")


@pytest.fixture(autouse=True)
def only_ours(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(program=PROGRAM)
    pytester.syspathinsert()


def run(pytester: pytest.Pytester, *arguments: str, plugins: tuple[str, ...] = ()) -> pytest.RunResult:
    named = [argument for name in ("odyssey.testing.plugin", *plugins) for argument in ("-p", name)]
    return pytester.runpytest_subprocess(*named, "-W", "error", *arguments, timeout=50)


def told(result: pytest.RunResult) -> str:
    return result.stdout.str() + result.stderr.str()


def test_it_is_found_by_pytest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name in project["entry-points"]["pytest11"].values():
        assert hasattr(import_module(name), "odyssey_service")


def test_it_loads_nothing_before_it_is_needed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            assert [name for name in sys.modules if name.startswith("odyssey_")] == []
        """
    )
    run(pytester).assert_outcomes(passed=1)


def test_a_service_for_tests_of_every_style(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{f"test_{style}": text for style, text in STYLES.items()})
    # pytest-asyncio warns of what it wants to be told.
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    run(pytester, plugins=PLUGINS).assert_outcomes(passed=6)


def test_a_service_of_its_own_with_its_own_settings(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio, os
        import pytest
        from odyssey import OdysseyAuthError, Odyssey
        from program import session

        seen = []

        @pytest.mark.odyssey_service(keys=["ody_other"])
        def test_refused(odyssey_service):
            seen.append(odyssey_service.url)
            assert odyssey_service.env.items() <= os.environ.items()
            with pytest.raises(OdysseyAuthError):
                asyncio.run(session())

        def test_usual(odyssey_service):
            assert odyssey_service.url not in seen
            assert repr(odyssey_service) == f"<OdysseyServer {odyssey_service.url}>"
            asyncio.run(session())

        def test_nothing_stays():
            assert "ODYSSEY_API_URL" not in os.environ
        """
    )
    run(pytester).assert_outcomes(passed=3)


def test_a_session_is_recorded_once_and_replayed_after(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_app=BY_ITSELF)
    kept = pytester.path / "traces" / "test_app" / "test_it.jsonl"
    missing = run(pytester, "--odyssey-record=none")
    missing.assert_outcomes(errors=1)
    assert "there is no recording test_it.jsonl" in told(missing)
    run(pytester).assert_outcomes(passed=1)
    recorded = kept.read_text()
    assert "ody_test" not in recorded
    assert "127.0.0.1" not in recorded
    run(pytester, "--odyssey-record=none").assert_outcomes(passed=1)
    assert kept.read_text() == recorded
    run(pytester, "--odyssey-record=all").assert_outcomes(passed=1)
    assert kept.read_text() != recorded


def test_a_difference_is_shown(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_app=BY_ITSELF)
    run(pytester).assert_outcomes(passed=1)
    (kept,) = (pytester.path / "traces" / "test_app").iterdir()
    kept.write_text(kept.read_text().replace("client_disconnecting", "client_vanishing"))
    result = run(pytester)
    result.assert_outcomes(errors=1)
    assert "client_vanishing" in told(result)
    assert "another way" in told(result)


def test_a_secret_that_would_stay_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_app="""
        import pytest
        from test_it import test_it

        @pytest.fixture(autouse=True)
        def leaky(monkeypatch):
            import odyssey_proto.trace.redaction as redaction
            monkeypatch.setattr(redaction, "leaks", lambda lines, secrets: iter(["a secret in line 7"]))
        """,
        test_it=BY_ITSELF,
    )
    result = run(pytester, "test_app.py")
    result.assert_outcomes(passed=1, errors=1)
    assert "the export would tell a secret in line 7" in told(result)
    assert not (pytester.path / "traces").exists()


def test_a_failed_test_keeps_nothing_and_one_without_a_session_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_app="""
        import asyncio
        import pytest
        from program import session

        def test_failed(odyssey_trace):
            assert odyssey_trace.recording
            asyncio.run(session())
            raise AssertionError("on purpose")

        def test_nothing(odyssey_trace):
            pass

        @pytest.mark.odyssey_trace("elsewhere.txt")
        def test_badly_named(odyssey_trace):
            pass

        @pytest.mark.odyssey_trace("named/cat.jsonl")
        def test_named(odyssey_trace):
            asyncio.run(session())
            asyncio.run(session("A dog"))
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=2, failed=1, errors=2)
    assert "no session was recorded" in told(result)
    assert "a recording is named *.jsonl" in told(result)
    named = pytester.path / "named"
    assert sorted(path.name for path in named.iterdir()) == ["cat.2.jsonl", "cat.jsonl"]
    assert "A dog" in (named / "cat.2.jsonl").read_text()
    assert not (pytester.path / "traces").exists()


def test_wrong_options_are_told(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nodyssey_record = sometimes\n")
    assert "odyssey_record is one of once, none, all, not 'sometimes'" in told(run(pytester))
    pytester.makeini("[pytest]\nodyssey_record = none\n")
    pytester.makepyfile(test_app=BY_ITSELF)
    assert "there is no recording" in told(run(pytester))
