"""
The notebooks of `docs/notebooks`: run anew, and as pages of the site.

MkDocs calls `on_files`; `python docs/generate.py --notebooks` calls `record`, and the tests `execute`.
A saved notebook has what its cells have shown, and nothing of the machine on which they ran.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import nbformat

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

FOLDER = Path(__file__).parent / "notebooks"
SECONDS = 60
"""How long a cell may take."""

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def record() -> None:
    """Runs each notebook against a local service, and saves it with what its cells show."""
    from odyssey_anyio.local.service import in_thread, serve

    with in_thread(serve()) as service:
        for path in sorted(FOLDER.glob("*.ipynb")):
            notebook = execute(path, {"ODYSSEY_API_URL": service.url, "ODYSSEY_API_KEY": "ody_local"})
            path.write_text(nbformat.writes(notebook) + "\n")


def execute(path: Path, environment: dict[str, str]) -> Any:
    """Returns a notebook after all its cells have run, in an empty folder; one that fails raises."""
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            # Sockets of files: nobody else can read them.
            km=AsyncKernelManager(transport="ipc", ip=f"{folder}/kernel"),
            timeout=SECONDS,
            resources={"metadata": {"path": folder}},
        )
        client.execute(cleanup_kc=True, env={**os.environ, "IPYTHONDIR": folder, **environment})
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL})
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
    return notebook


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Gives each notebook a page of its name; the notebook itself lies beside it."""
    from mkdocs.structure.files import File

    for path in sorted(FOLDER.glob("*.ipynb")):
        name = f"{FOLDER.name}/{path.stem}.md"
        files.append(File.generated(config, name, content=page(nbformat.read(path, as_version=4), path.name)))
    return files


def page(notebook: Any, name: str) -> str:
    """Returns a notebook as Markdown: its cells, and what they have shown."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            parts += [f"```python\n{cell.source}\n```", *map(_shown, _outputs(cell))]
    return "\n\n".join([*parts, f"The notebook is [{name}]({name})."])


def _outputs(cell: Any) -> Iterator[dict[str, str]]:
    for output in cell.outputs:
        yield {"text/plain": output.text} if output.output_type == "stream" else output.data


def _shown(data: dict[str, str]) -> str:
    """Returns the richest form of an output."""
    for kind in ("image/jpeg", "image/png"):
        if kind in data:
            return f"![What the cell shows](data:{kind};base64,{''.join(data[kind].split())})"
    if "text/html" in data:
        return data["text/html"]
    return f"```text\n{data['text/plain'].rstrip()}\n```"
