"""The plugin for pytest, in runs of pytest of its own."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import anyio
import pytest
from attrs import define

from odyssey import Odyssey
from odyssey_anyio.local.service import in_thread, serve

ROOT = Path(__file__).parents[3]

PROGRAM = """
from odyssey import Odyssey

async def session(prompt="A cat", steer="Pet the cat"):
    async with Odyssey() as client:
        await client.connect()
        async with client.stream(prompt) as stream:
            return await stream.interact(steer)
"""

BY_ITSELF = """
import asyncio
from program import session

def test_it(odyssey_trace):
    asyncio.run(session())
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


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The trace of what `BY_ITSELF` does."""
    path = tmp_path_factory.mktemp("recorded") / "one.jsonl"

    async def session(url: str) -> None:
        async with Odyssey("ody_test", api_url=url) as client:
            await client.connect()
            async with client.stream("A cat") as stream:
                await stream.interact("Pet the cat")
        await client.save_trace(path)

    with in_thread(serve()) as service:
        anyio.run(session, service.url)
    return path.read_text()


@define
class Project:
    """A folder with tests, and runs of pytest in it, each in a process of its own."""

    path: Path
    output: str = ""
    """What the last run printed."""

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.path / f"{name}.py").write_text(dedent(text))

    def configure(self, **settings: str) -> None:
        given = (f"{name} = {value}\n" for name, value in settings.items())
        (self.path / "pytest.ini").write_text("[pytest]\n" + "".join(given))

    def run(self, *arguments: str, plugins: tuple[str, ...] = (), **variables: str) -> dict[str, int]:
        """Returns how many tests ended how; fails with what was printed if pytest itself did."""
        named = [argument for name in ("odyssey.testing.plugin", *plugins) for argument in ("-p", name)]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-W", "error", *named, *arguments],
            cwd=self.path,
            env={
                # Where `CI` is set, pytest repeats each message in whole, so it is not.
                **{
                    name: value
                    for name, value in os.environ.items()
                    if not name.startswith("PYTEST_") and name not in ("CI", "BUILD_NUMBER")
                },
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONPATH": f"{ROOT}{os.pathsep}{self.path}",
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        self.output = done.stdout + done.stderr
        counted = re.findall(r"(\d+) (passed|failed|error)s?\b", self.output.rpartition("\n==")[2])
        if not counted and done.returncode != pytest.ExitCode.USAGE_ERROR:
            pytest.fail(f"no test has ended:\n{self.output}")
        return {word: int(number) for number, word in counted}


# Not pytest's own `pytester`: it forgets every module that is imported during its tests, numpy included.
@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write(program=PROGRAM)
    made.configure()
    return made


def test_it_is_found_by_pytest() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name in project["entry-points"]["pytest11"].values():
        assert hasattr(import_module(name), "odyssey_service")


def test_it_loads_nothing_before_it_is_needed(project: Project) -> None:
    project.write(
        test_it="""
        import sys

        def test_it():
            assert [name for name in sys.modules if name.startswith("odyssey_")] == []
        """
    )
    assert project.run() == {"passed": 1}


def test_a_service_for_tests_of_every_style(project: Project) -> None:
    project.write(**{f"test_{style}": text for style, text in STYLES.items()})
    # pytest-asyncio warns if its scope of loops is not configured.
    project.configure(asyncio_default_fixture_loop_scope="function")
    assert project.run(plugins=PLUGINS) == {"passed": 6}


def test_a_service_of_its_own_with_its_own_settings(project: Project) -> None:
    project.write(
        test_it="""
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
    assert project.run() == {"passed": 3}


def test_a_session_is_recorded_once_and_replayed_after(project: Project) -> None:
    project.write(test_app=BY_ITSELF)
    kept = project.path / "traces" / "test_app" / "test_it.jsonl"
    assert project.run() == {"passed": 1}
    recorded = kept.read_text()
    assert "ody_test" not in recorded
    assert "127.0.0.1" not in recorded
    assert project.run("--odyssey-record=none") == {"passed": 1}
    assert kept.read_text() == recorded
    assert project.run("--odyssey-record=all") == {"passed": 1}
    assert kept.read_text() != recorded


def test_what_goes_another_way_fails_and_is_shown(project: Project, recorded: str) -> None:
    def marked(mark: str, test: str = BY_ITSELF) -> str:
        return f"import pytest\npytestmark = pytest.mark.odyssey_trace({mark})\n{test}"

    project.write(
        test_same=marked("'same.jsonl'"),
        test_prompt=marked("'same.jsonl'", BY_ITSELF.replace("session()", "session(steer='Pet the dog')")),
        test_core=marked("'other.jsonl'"),
        test_lenient=marked("'other.jsonl', strict=False"),
        test_early=marked("'same.jsonl'", "def test_it(odyssey_trace):\n    assert not odyssey_trace\n"),
    )
    (project.path / "same.jsonl").write_text(recorded)
    changed = recorded.replace('"ConnectionStatus","CONNECTING"', '"ConnectionStatus","RECONNECTING"')
    (project.path / "other.jsonl").write_text(changed)
    result = project.run("--odyssey-record=none")
    assert result == {"passed": 2, "failed": 2, "error": 1}
    for words in (
        "the core does not answer as in other.jsonl",
        "-    status: RECONNECTING",
        "the test went another way than same.jsonl",
        '+  "prompt": "Pet the dog"',
        "record it anew by --odyssey-record=all",
    ):
        assert words in project.output


@pytest.mark.long
def test_what_goes_another_way_is_one_failed_test_with_its_first_cause(project: Project) -> None:
    project.write(
        test_app="""
        import asyncio
        import os
        import pytest
        from odyssey import Odyssey
        from program import session

        LATER = "LATER" in os.environ

        def test_other_words(odyssey_trace):
            asyncio.run(session("A dog" if LATER else "A cat", "Call the dog" if LATER else "Pet the cat"))

        def test_less(odyssey_trace):
            async def less():
                async with Odyssey() as client:
                    await client.connect()
            asyncio.run(less() if LATER else session())

        def test_more(odyssey_trace):
            asyncio.run(session())
            if LATER:
                asyncio.run(session())

        @pytest.fixture
        async def client(odyssey_trace):
            async with Odyssey() as client:
                await client.connect()
                yield client

        @pytest.mark.anyio
        async def test_of_a_fixture(client):
            await client.start_stream("A cat")
        """
    )
    assert project.run(plugins=("anyio",)) == {"passed": 4 + 1}
    for name in ("other_words", "less", "more", "of_a_fixture[asyncio]", "of_a_fixture[trio]"):
        assert re.search(
            rf"^test_app.py::test_{re.escape(name)}: traces/test_app/", project.output, re.MULTILINE
        )
    assert project.run(plugins=("anyio",), LATER="1") == {"passed": 2, "failed": 3}
    assert "sessions recorded" not in project.output
    assert project.output.count("went another way than") == 3, "once each"
    assert "(and 1 more, which may follow from it)" in project.output


def test_a_test_that_runs_again_is_recorded_and_compared_anew(project: Project) -> None:
    project.write(
        test_app="""
        import asyncio
        from itertools import count
        from program import session

        attempts = count(1)

        def test_flaky(odyssey_trace):
            attempt = next(attempts)
            asyncio.run(session() if attempt != 3 else session("A dog"))
            assert attempt != 1
        """
    )
    again = ("--reruns=1", "-r", "R")
    assert project.run(*again, plugins=("pytest_rerunfailures",)) == {"passed": 1}
    assert "1 rerun" in project.output
    assert "test_app.py::test_flaky: traces/test_app/test_flaky.jsonl" in project.output
    other = (project.path / "test_app.py").read_text().replace("attempt != 3", "False")
    project.write(test_app=other)
    assert project.run(*again, plugins=("pytest_rerunfailures",)) == {"failed": 1}
    assert "1 rerun" in project.output


@pytest.mark.long
def test_a_trace_is_named_after_its_test_in_any_script(project: Project) -> None:
    project.write(
        test_app="""
        import asyncio
        import pytest
        from program import session

        @pytest.mark.parametrize("prompt", ["plain", "Кошка", "Кошка сидит " * 40, "猫", "cat " * 100])
        def test_prompt(odyssey_trace, prompt):
            asyncio.run(session(prompt))

        def test_кошка(odyssey_trace):
            asyncio.run(session())
        """
    )
    assert project.run() == {"passed": 6}
    names = [path.name for path in (project.path / "traces" / "test_app").iterdir()]
    assert len(names) == 6
    assert "test_prompt[plain].jsonl" in names
    assert all(name.isascii() and len(name) < 160 for name in names)
    assert project.run("--odyssey-record=none") == {"passed": 6}


def test_a_secret_that_would_stay_is_an_error(project: Project) -> None:
    project.write(
        test_app="""
        import pytest
        from test_it import test_it

        @pytest.fixture(autouse=True)
        def leaky(monkeypatch):
            import odyssey_proto.trace.redaction.redactor as redaction
            monkeypatch.setattr(redaction, "leaks", lambda lines, secrets: iter(["a secret in line 7"]))
        """,
        test_it=BY_ITSELF,
    )
    result = project.run("test_app.py")
    assert result == {"passed": 1, "error": 1}
    assert "the export would hold a secret in line 7" in project.output
    assert not (project.path / "traces").exists()


def test_a_failed_test_keeps_nothing_and_one_without_a_session_is_an_error(project: Project) -> None:
    project.write(
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
    result = project.run()
    assert result == {"passed": 2, "failed": 1, "error": 2}
    assert "no session was recorded" in project.output
    assert "a trace is named *.jsonl" in project.output
    named = project.path / "named"
    assert sorted(path.name for path in named.iterdir()) == ["cat.2.jsonl", "cat.jsonl"]
    assert "A dog" in (named / "cat.2.jsonl").read_text()
    assert not (project.path / "traces").exists()


def test_wrong_options_are_errors(project: Project) -> None:
    project.configure(odyssey_record="sometimes")
    assert project.run() == {}
    assert "odyssey_record is one of once, none, all, not 'sometimes'" in project.output
    project.configure(odyssey_record="none")
    project.write(test_app=BY_ITSELF)
    assert project.run() == {"error": 1}
    assert "there is no trace test_it.jsonl" in project.output


def test_the_tests_of_the_documentation_pass(project: Project) -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    programs = [
        block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def test_" in block
    ]
    head = "import pytest\nfrom odyssey import Odyssey\n"
    project.write(**{f"test_{number}": head + program for number, program in enumerate(programs)})
    project.configure(asyncio_mode="auto", asyncio_default_fixture_loop_scope="function")
    assert project.run(plugins=("pytest_asyncio.plugin",)) == {"passed": 8}
    assert [path.name for path in (project.path / "traces").iterdir()] == ["test_2"]
