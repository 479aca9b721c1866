"""The notebooks of the documentation: what is saved in them is fit to be shared, and they run."""

import ast
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

from odyssey_anyio.local.service import in_thread, serve
from odyssey_proto.service.io.config import ServiceConfig
from tests.test_house import ROOT

FOLDER = ROOT / "docs/notebooks"
NOTEBOOKS = pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem) for path in sorted(FOLDER.glob("*.ipynb"))]
)
PRIVATE = re.compile(r"ody_\w|eyJ\w|https?:|wss?:|127\.0\.0\.1|(?<![<\w])/[a-z]+/|[?&]\w+=\w|Traceback")
"""Keys, tokens, addresses, paths; also what comes of an error."""


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> Iterator[tuple[str, str]]:
    """Returns each form of what a cell shows, with its kind; no kind is that of what it printed."""
    for output in cell.outputs:
        yield from output.get("data", {"": output.get("text", "Traceback")}).items()


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebook_pages", ROOT / "docs/notebook_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@NOTEBOOKS
def test_each_cell_compiles_and_was_run(path: Path) -> None:
    cells = code(nbformat.read(path, as_version=4))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        compile(cell.source, path.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@NOTEBOOKS
def test_nothing_private_is_saved(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert set(notebook.metadata) == {"kernelspec"}
    said = [text for cell in code(notebook) for kind, text in shown(cell) if not kind.startswith("image/")]
    assert len(said) > 4
    assert [text for text in said if PRIVATE.search(text)] == []
    assert len(path.read_bytes()) < 500_000


@pytest.mark.parametrize(
    "text", ["ody_x1", "at /tmp/x.py", "http://127.0.0.1:80/", "video.mp4?sig=1", "eyJhbGciOi", "'/opt/it'"]
)
def test_what_is_private_is_found(text: str) -> None:
    assert PRIVATE.search(text)


@NOTEBOOKS
def test_a_notebook_is_a_page(path: Path, pages: ModuleType) -> None:
    notebook = nbformat.read(path, as_version=4)
    page = pages.page(notebook, path.name)
    assert page.startswith("# ")
    assert page.count("```python") == len(code(notebook))
    assert "](data:image/" in page
    assert "<table><caption>" in page
    assert f"notebooks/{path.stem}.md" in (ROOT / "mkdocs.yml").read_text().split()


@pytest.mark.long
@NOTEBOOKS
def test_a_notebook_runs_and_shows_what_is_saved(
    path: Path, pages: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # IPython wants a place of its own, and HOME need not be one.
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    with in_thread(serve(ServiceConfig())) as service:
        environment = {"ODYSSEY_API_URL": service.url, "ODYSSEY_API_KEY": "ody_local"}
        notebook = pages.execute(path, environment)
    saved = nbformat.read(path, as_version=4)
    kinds = [[sorted(kind for kind, _ in shown(cell)) for cell in code(each)] for each in (notebook, saved)]
    assert kinds[0] == kinds[1]
    for cell in code(notebook):
        assert not [text for kind, text in shown(cell) if "image" not in kind and PRIVATE.search(text)]
