"""One file of a recording, downloaded by a command."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from odyssey import Odyssey, RecordingFile
from odyssey.cli.output import Output
from odyssey.cli.texts import STANDARD

PIECE_BYTES = 4096
"""How much is printed at once: a pipe that is ready takes it without waiting (PIPE_BUF of Linux)."""


async def download_file(
    output: Output, client: Odyssey, stream_id: str, kind: RecordingFile, out: Path
) -> None:
    """Downloads a file into a folder or to a path, shows how it goes on, and says where it is."""
    if str(out) == STANDARD:
        # Whole first: what broke off could not be taken back.
        with TemporaryDirectory() as folder:
            path = await _downloaded(output, client, stream_id, kind, Path(folder))
            await _print(path)
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


async def _print(path: Path) -> None:
    """Prints a file; a signal ends it also while nobody reads."""
    descriptor = sys.stdout.fileno()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            while piece:
                # What cannot be waited for, a file for example, is always ready.
                with suppress(OSError):
                    await anyio.wait_writable(descriptor)
                piece = piece[os.write(descriptor, piece) :]
