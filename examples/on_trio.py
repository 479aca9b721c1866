"""A session in the recommended form, on trio; on asyncio and anyio only the loop is another."""

import trio

from odyssey import Odyssey


async def main() -> None:
    async with Odyssey() as client:  # ODYSSEY_API_KEY and ODYSSEY_API_URL from the environment
        await client.connect()
        async with client.stream("A cat", portrait=False) as stream:  # ended on every way out
            seen = 0
            async for frame in stream.frames():  # the newest first; what is older is dropped and counted
                seen += 1
                if seen == 10:
                    print(await stream.interact("Pet the cat"))
                if seen == 30:
                    print(frame.data.shape)  # RGB (height, width, 3) uint8, converted on first touch
                    break


if __name__ == "__main__":
    trio.run(main)
