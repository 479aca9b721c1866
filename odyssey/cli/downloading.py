"""One file of a recording, downloaded by a command."""

from pathlib import Path

import anyio

from odyssey import Odyssey, RecordingFile
from odyssey.cli.output import Output


async def download_file(
    output: Output, client: Odyssey, stream_id: str, kind: RecordingFile, out: Path
) -> None:
    """Downloads a file into a folder or to a path, shows how it goes on, and says where it is."""
    with output.download(f"{kind} of {stream_id}") as bar:
        path = await client.recording(stream_id).download(out, kind, on_progress=bar)
    size = (await anyio.Path(path).stat()).st_size
    output.say(f"{path}")
    output.record(stream_id=stream_id, file=kind, path=str(path), bytes=size)
