"""The local service in a network of its own: `python -m house.far_service ADDRESS`; it prints its address."""

import sys

import anyio

from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig


async def main(host: str) -> None:
    """Serves until it is killed."""
    async with serve(ServiceConfig(), host=host) as service:
        sys.stdout.write(f"{service.url}\n")
        sys.stdout.flush()
        await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
