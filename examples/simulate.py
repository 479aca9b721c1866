"""A simulation: queued, watched until it has completed, its video loaded."""

import asyncio
import sys

from odyssey import End, Interact, Odyssey, SimulationFailedError, Start

SCRIPT = [Start("A cat"), Interact("It wakes up", at=5), End(at=10)]  # plain dicts work as well


async def main() -> None:
    async with Odyssey() as client:
        queued = await client.simulate(SCRIPT, portrait=False)
        job = client.simulation(queued.job_id)  # the id is enough: also tomorrow, in another process
        try:
            done = await job.wait(timeout=600, on_progress=lambda seen: print(seen.status.value))
        except SimulationFailedError as error:
            sys.exit(f"it failed: {error.detail}")
        for stream in done.streams:
            path = await client.recording(stream.stream_id).download(".")  # named after the stream
            print(path)


if __name__ == "__main__":
    asyncio.run(main())
