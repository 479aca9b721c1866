"""The documents are true: generated parts are current, named tests exist, quoted programs compile."""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import fields

from odyssey import FrameAccount, Statistics
from tests.test_exports import PUBLIC_API
from tests.test_house import offending, tracked

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


def test_generated_parts_are_current(generator: ModuleType) -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in generator.generated().items()
        if not path.exists() or path.read_text() != text
    ]
    assert stale == [], "run: python docs/generate.py"


@pytest.mark.parametrize("table", ["public-api", "defects"])
def test_everything_has_its_tests(generator: ModuleType, table: str) -> None:
    assert [row["says"] for row in generator.rows(table) if not row["tests"]] == []


def test_every_documented_export_has_its_row(generator: ModuleType) -> None:
    named = {word for row in generator.rows("public-api") for word in re.findall(r"\w+", row["name"])}
    assert PUBLIC_API - {"__version__"} <= named


@pytest.mark.parametrize("table", ["public-api", "defects"])
def test_every_named_test_exists(generator: ModuleType, table: str) -> None:
    named = {test for row in generator.rows(table) for test in row["tests"]}
    assert {test for test in named if not exists(*test.split("::"))} == set()


def test_every_fault_says_what_happens_and_is_shown_by_tests(generator: ModuleType) -> None:
    faults = [fault for members in generator.faults().values() for fault in members]
    assert len(faults) > 50
    for fault in faults:
        assert fault.keys() == {"issue", "what", "sees", "after", "tests"}, fault
        assert all(fault.values()), fault
    tests = {test for fault in faults for test in fault["tests"]}
    assert {test for test in tests if not exists(*test.split("::"))} == set()


def test_no_fault_stands_twice(generator: ModuleType) -> None:
    named = [fault["what"].rstrip(".") for members in generator.faults().values() for fault in members]
    assert sorted(set(named)) == sorted(named)


def exists(file: str, *names: str) -> bool:
    """Tells whether a test of that name is defined in that file."""
    path = ROOT / file
    if not path.is_file():
        return False
    body: list[ast.stmt] = ast.parse(path.read_text()).body
    for name in names:
        for node in body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and node.name == name:
                body = node.body
                break
        else:
            return False
    return bool(names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_quoted_python_compiles(page: Path) -> None:
    for block in BLOCK.findall(page.read_text()):
        compile(block, page.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_quick_start_is_the_program_that_the_tests_run(page: str) -> None:
    program = (ROOT / "examples/quick_start.py").read_text()
    assert f"```python\n{program}```" in (ROOT / page).read_text()


def test_every_file_that_the_design_names_exists() -> None:
    """A name may begin inside its package, as `client/session.py` does."""
    known = [f"/{path.relative_to(ROOT)}" for path in tracked("*.py", "*.toml", "*.pyi")]
    named = re.findall(r"`([\w/]+\.(?:py|pyi|toml))`", (DOCS / "design.md").read_text())
    assert len(named) > 40
    assert sorted({name for name in named if not any(path.endswith(f"/{name}") for path in known)}) == []


@pytest.mark.parametrize("kind", [Statistics, FrameAccount])
def test_each_field_of_what_a_client_counts_has_its_meaning(kind: type[Any]) -> None:
    page = (DOCS / "lifecycle.md").read_text()
    assert [each.name for each in fields(kind) if f"| `{each.name}` | " not in page] == []


def headings(page: Path) -> set[str]:
    """Returns the anchors of a page, as the generator of the documentation makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") for heading in found}


def test_every_reference_to_the_protocol_resolves() -> None:
    """Code cites `docs/protocol.md#queue`, further headings of the same sentence as `#queue` alone."""
    known, cited, dangling = headings(DOCS / "protocol.md"), 0, []
    for path in tracked("*.py", "*.md", "*.toml"):
        for run in re.findall(r"protocol\.md#[a-z-]+(?:(?:,| and) #[a-z-]+)*", path.read_text()):
            anchors = re.findall(r"#([a-z-]+)", run)
            cited += len(anchors)
            dangling += [f"{path.relative_to(ROOT)}: {anchor}" for anchor in anchors if anchor not in known]
    assert dangling == []
    assert cited > 100


def test_no_reference_to_the_protocol_is_a_bare_number() -> None:
    pattern = re.compile(r"protocol\.md,? (?:sections? )?[0-9]")
    assert (
        offending(pattern, [path for path in tracked("*.py", "*.md", "*.toml") if path != Path(__file__)])
        == []
    )


def test_pages_are_all_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text().split()
    assert [page for page in DOCS.rglob("*.md") if str(page.relative_to(DOCS)) not in navigation] == []


def programs() -> Iterator[tuple[str, str]]:
    """Returns the examples, and every program on a page that is one by itself."""
    for path in sorted((ROOT / "examples").rglob("*.py")):
        yield path.name, path.read_text()
    for path in PAGES:
        for number, block in enumerate(BLOCK.findall(path.read_text())):
            yield f"{path.relative_to(ROOT)} {number}", block


@pytest.mark.parametrize("program", [pytest.param(text, id=name) for name, text in programs()])
def test_no_program_saves_the_trace_of_an_error_where_a_loop_runs(program: str) -> None:
    """`error.trace.save()` blocks; `client.save_trace()` is awaited, and a thread does it."""
    coroutines = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.AsyncFunctionDef)]
    calls = [node.func for each in coroutines for node in ast.walk(each) if isinstance(node, ast.Call)]
    assert not [ast.unparse(called) for called in calls if ast.unparse(called).endswith("trace.save")]
