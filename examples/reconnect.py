"""Survives lost sessions, service restarts and limits of time: one loop over frames, from end to end."""

import anyio

from odyssey import Odyssey, ReconnectPolicy


async def main() -> None:
    async with Odyssey(reconnect=ReconnectPolicy(renew_before=20)) as client:
        await client.connect()
        async with client.stream("A cat") as stream:
            async for frame in stream.frames():
                print(frame.width, frame.height, flush=True)


if __name__ == "__main__":
    anyio.run(main)
