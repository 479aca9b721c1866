"""
Goes on before the service stops: each stream has a time limit, and its end is announced in advance.

Try it with `python -m odyssey serve --stream-seconds 3`.
"""

import anyio

from odyssey import LimitApproaching, Limits, Odyssey, StreamEnded

SCENES = ("A cat", "A dog")
LIMITS = Limits(stream=3, ahead=1.5)  # what the account may have; the documented 150 s otherwise


async def main() -> None:
    async with Odyssey(limits=LIMITS) as client:
        await client.connect()
        for scene in SCENES:
            async with client.events() as events, client.stream(scene) as stream:
                async for event in events:
                    match event:
                        case LimitApproaching(limit, remaining):
                            print(f"{scene}: the {limit.value} has {remaining:.1f} s left")
                            await stream.end()
                        case StreamEnded():
                            print(f"{scene}: ended by us")
                            break


if __name__ == "__main__":
    anyio.run(main)
