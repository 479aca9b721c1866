"""One file of a recording, downloaded by a command."""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import anyio.to_thread

from odyssey import Odyssey, RecordingFile
from odyssey.cli.output import Output
from odyssey.cli.texts import STANDARD


async def download_file(
    output: Output, client: Odyssey, stream_id: str, kind: RecordingFile, out: Path
) -> None:
    """Downloads a file into a folder or to a path, shows how it goes on, and says where it is."""
    if str(out) == STANDARD:
        # Whole first: what broke off could not be taken back.
        with TemporaryDirectory() as folder:
            path = await _downloaded(output, client, stream_id, kind, Path(folder))
            await anyio.to_thread.run_sync(_print, path)
        return
    path = await _downloaded(output, client, stream_id, kind, out)
    size = (await anyio.Path(path).stat()).st_size
    output.say(f"{path}")
    output.record(stream_id=stream_id, file=kind, path=str(path), bytes=size)


async def _downloaded(
    output: Output, client: Odyssey, stream_id: str, kind: RecordingFile, out: Path
) -> Path:
    with output.download(f"{kind} of {stream_id}") as bar:
        return await client.recording(stream_id).download(out, kind, on_progress=bar)


def _print(path: Path) -> None:
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
