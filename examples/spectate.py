"""A broadcast, and somebody who watches it; runs on any loop."""

import anyio

from odyssey import BroadcastInfo, Odyssey, connect_to_stream


async def main() -> None:
    ready: list[BroadcastInfo] = []
    async with Odyssey() as host:
        await host.connect(on_broadcast_ready=ready.append)
        async with host.stream("A lighthouse at night", broadcast=True):
            with anyio.fail_after(30):
                while not ready:
                    await anyio.sleep(0.05)
            # What `ready` holds can be handed to anybody; it opens this one stream and needs no key.
            info = ready[0]
            async with await connect_to_stream(info.webrtc_url, info.spectator_token) as spectator:
                frame = await anext(spectator.frames())
                print(f"watching {frame.width}x{frame.height}")


if __name__ == "__main__":
    anyio.run(main)
