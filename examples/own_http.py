"""
A driver of one's own: the pure core under another HTTP library.

Lists the regions of a service: `python examples/own_http.py` with ODYSSEY_API_URL and ODYSSEY_API_KEY set.
"""

import asyncio
import os
import time
from typing import Any

import httpx

from odyssey_proto import (
    Call,
    CancelRequest,
    Client,
    ClientInput,
    Command,
    CommandId,
    Completed,
    ExchangeFailed,
    Failed,
    HttpReply,
    Instant,
    Replied,
    Request,
    Secret,
    Settings,
    TransportError,
    TransportErrorKind,
    Wake,
)


def plain(value: str | Secret) -> str:
    """Opens a secret; only what writes to the wire has a reason to."""
    return value.reveal() if isinstance(value, Secret) else value


async def send(http: httpx.AsyncClient, order: Request) -> ClientInput:
    """Carries out one request and returns what came of it; never raises."""
    request = order.request
    try:
        reply = await http.request(
            request.method,
            request.url,
            params=[(name, plain(value)) for name, value in request.query],
            headers=[(name, plain(value)) for name, value in request.headers],
            content=request.content(),
        )
    except httpx.HTTPError as error:
        return ExchangeFailed(order.exchange, TransportError(TransportErrorKind.UNREACHABLE, str(error)))
    return Replied(order.exchange, HttpReply(reply.status_code, tuple(reply.headers.items()), reply.content))


async def call(client: Client, what: Call) -> Any:
    """Runs the core until the call has ended; everything else it wants is carried out on the way."""
    running: dict[int, asyncio.Task[ClientInput]] = {}
    inputs: list[ClientInput] = [Command(CommandId(1), what)]
    async with httpx.AsyncClient() as http:
        while True:
            now = Instant(time.monotonic_ns() // 1000)
            for output in [output for each in inputs or [Wake()] for output in client.step(now, each)]:
                match output:
                    case Request(exchange=exchange):
                        running[exchange] = asyncio.create_task(send(http, output))
                    case CancelRequest(exchange=exchange):
                        running.pop(exchange).cancel()
                    case Completed(result=result):
                        return result
                    case Failed(failure=failure):
                        raise RuntimeError(failure.text)
            deadline = client.deadline
            patience = None if deadline is None else max(0, deadline.at - now) / 1_000_000
            done, _ = await asyncio.wait(
                running.values(), timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
            inputs = [running.pop(name).result() for name, task in [*running.items()] if task in done]


async def main() -> None:
    settings = Settings(
        api_url=os.environ["ODYSSEY_API_URL"],
        api_key=Secret(os.environ["ODYSSEY_API_KEY"]),
        seed=os.urandom(16),
    )
    for region in await call(Client(settings), Call("regions.list")):
        print(region.id)


if __name__ == "__main__":
    asyncio.run(main())
