"""Recordings: all of them, a video with its progress, and what happened in a stream."""

import asyncio

from odyssey import DownloadProgress, Odyssey


def show(progress: DownloadProgress) -> None:
    print(f"{progress.received} of {progress.total} bytes")


async def main() -> None:
    async with Odyssey() as client:
        async for line in client.recordings():  # all pages, the most recent first
            print(line.stream_id, f"{line.width}x{line.height}")
            recording = client.recording(line.stream_id)
            # What breaks off goes on where it stopped, now or the next time; the file appears whole.
            await recording.download(f"{line.stream_id}.mp4", on_progress=show)
            await recording.download(f"{line.stream_id}.jpg", "thumbnail")
            for event in await recording.events():
                print(f"{event.at:.1f} s: {event.kind}")
            break


if __name__ == "__main__":
    asyncio.run(main())
