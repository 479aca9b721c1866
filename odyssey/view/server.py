"""An HTTP server on the loopback interface of this machine, in the loop that runs already."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager

import anyio
import uvicorn
from starlette.types import ASGIApp

from odyssey_anyio.media.loopback import LOOPBACK, loopback_addresses
from odyssey_proto.kernel.url import host_and_port

CLOSING_SECONDS = 1
"""How long what is still being answered may take at the end."""


class _Server(uvicorn.Server):
    """Leaves the signals to the command, which says goodbye to the service as well."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(application: ASGIApp, port: int) -> AsyncIterator[str]:
    """
    Serves an application for the length of the block, and gives its address; `port` 0 takes a free one.

    Raises `OSError` if the port cannot be had.
    """
    with closing(_listening(port)) as listener:
        config = uvicorn.Config(
            application,
            ws="wsproto",
            # Pictures are compressed already.
            ws_per_message_deflate=False,
            lifespan="off",
            # The address that is opened first is a secret.
            access_log=False,
            log_config=None,
            log_level="error",
            server_header=False,
            timeout_graceful_shutdown=CLOSING_SECONDS,
        )
        server = _Server(config)

        async def serve() -> None:
            # It ends in order, also when everything around it is cancelled.
            with anyio.CancelScope(shield=True):
                await server.serve([listener])

        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            host, bound = listener.getsockname()[:2]
            try:
                yield f"http://{host_and_port(host, bound)}/"
            finally:
                server.should_exit = True


def _listening(port: int) -> socket.socket:
    host = next(iter(loopback_addresses()), LOOPBACK[0])
    return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
