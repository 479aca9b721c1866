"""The traces of the plugin for pytest: recorded once, replayed after, and compared."""

import re

import anyio
import pytest
from house.pytest_project import BY_ITSELF, Project

from odyssey import Odyssey
from odyssey_anyio.local.service import in_thread, serve


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
