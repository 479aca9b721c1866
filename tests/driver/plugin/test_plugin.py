"""The plugin for pytest, in runs of pytest of its own."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

from house.pytest_project import BY_ITSELF, Project

ROOT = Path(__file__).parents[3]

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
