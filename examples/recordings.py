"""Recordings: all of them, a video with its progress, and what happened in a stream."""

import asyncio
from pathlib import Path

from odyssey import DownloadProgress, Odyssey

FOLDER = Path("recordings")


def show(progress: DownloadProgress) -> None:
    print(f"{progress.received} of {progress.total} bytes")


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    async with Odyssey() as client:
        async for line in client.recordings():  # all pages, the most recent first
            print(line.stream_id, f"{line.width}x{line.height}")
            recording = client.recording(line.stream_id)
            # What breaks off goes on where it stopped, now or the next time; the file appears whole.
            # In a folder it is named after the stream.
            print(await recording.download(FOLDER, on_progress=show))
            print(await recording.download(FOLDER, "thumbnail"))
            for event in await recording.events():
                print(f"{event.at:.1f} s: {event.kind}")
            break


if __name__ == "__main__":
    asyncio.run(main())
