"""A session is recorded, saved without its secrets, and replayed: `python examples/a_trace.py [FILE]`."""

import asyncio
import sys

from odyssey import Odyssey, Redaction
from odyssey_proto.trace import fresh, read_file, replayed


async def main() -> None:
    path = sys.argv[1] if len(sys.argv) > 1 else "cat.jsonl"
    async with Odyssey() as client:
        await client.connect()
        async with client.stream("A cat") as stream:
            await stream.interact("Pet the cat")
    await client.save_trace(path, Redaction(prompts="hash"))

    with open(path, "rb") as file:
        trace = read_file(file)  # raises TraceError, with the line, for what is no trace
    for step in replayed(trace, fresh):  # a fresh core, fed with what was recorded
        assert step.same
    print(f"{len(trace.steps)} steps, all the same again")


if __name__ == "__main__":
    asyncio.run(main())
