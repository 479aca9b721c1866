"""The local service: real HTTP, WebSocket and WebRTC on loopback, run by the core's server roles."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial

import anyio
from anyio.abc import SocketAttribute
from anyio.from_thread import start_blocking_portal
from attrs import evolve, frozen

from odyssey_anyio.aio.machine_loop import Clock, Inbox, run_machine
from odyssey_anyio.local.films.worker import FilmRenderer
from odyssey_anyio.local.listener import Listener
from odyssey_anyio.local.stun import answer_stun, stun_socket
from odyssey_anyio.local.video.track import SceneSource
from odyssey_anyio.media.engine import Engine
from odyssey_proto.kernel.machine import Machine
from odyssey_proto.seam.outputs import CloseSocket, DropSocket, SendText
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.seam import (
    AcceptSocket,
    Answer,
    Discard,
    FetchScript,
    HangUp,
    Mirror,
    Noted,
    Pace,
    RefuseSocket,
    Render,
    SendFile,
    ServiceInput,
    ServiceOutput,
    Show,
)
from odyssey_proto.service.service import Service

logger = logging.getLogger("odyssey.service")


@frozen
class LocalService:
    """A service that runs."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What a client takes as `api_url`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


CLOSING_SECONDS = 0.5
"""How long the last answers and closing the sockets may take."""

type Make = Callable[[int, Clock], Machine[ServiceInput, ServiceOutput]]
"""Makes what answers, from the port at which STUN is answered and the clock that it will be stepped by."""


@asynccontextmanager
async def serve(
    config: ServiceConfig | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[LocalService]:
    """
    Runs a local service for the length of the block.

    `port` 0 takes a free one.
    Raises `OSError` if the address cannot be had.
    """

    def make(stun_port: int, clock: Clock) -> Machine[ServiceInput, ServiceOutput]:
        plan = evolve(config or ServiceConfig(), stun_port=stun_port)
        return Service(plan, seed=os.urandom(16), wall=clock.wall)

    async with serve_machine(make, host, port) as service:
        yield service


@asynccontextmanager
async def serve_machine(make: Make, host: str, port: int) -> AsyncIterator[LocalService]:
    """Runs any machine that speaks the service's seam, as `serve` does."""
    clock = Clock()
    inbox: Inbox[ServiceInput] = Inbox()
    server = Listener(inbox.put)
    scenes = SceneSource()
    engine = Engine(scenes)
    films = FilmRenderer(inbox.put, server.carry_out)

    def carry_out(output: ServiceOutput) -> None:
        match output:
            case Noted(what):
                logger.info("%s", what)
            case (
                Answer()
                | HangUp()
                | AcceptSocket()
                | RefuseSocket()
                | SendText()
                | CloseSocket()
                | DropSocket()
            ):
                server.carry_out(output)
            case Show() | Mirror() | Pace():
                engine.call(output.peer, partial(scenes.show, output))
            case Render() | Discard() | SendFile() | FetchScript():
                films.order(output)
            case _:
                engine.order(output)

    async with (
        await anyio.create_tcp_listener(local_host=host, local_port=port) as listener,
        await stun_socket(host) as stun,
    ):
        bound = listener.extra(SocketAttribute.local_port)
        machine = make(stun.extra(SocketAttribute.local_port), clock)
        await engine.start(inbox.put)
        failed: Exception | None = None
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(run_machine, machine, inbox, carry_out, clock, name="odyssey service")
                group.start_soon(server.serve, listener, name="odyssey listener")
                group.start_soon(answer_stun, stun, name="odyssey stun")
                group.start_soon(films.run, name="odyssey films")
                # What the block raises comes out as it is, not as part of a group.
                try:
                    yield LocalService(host, bound)
                except Exception as error:  # noqa: BLE001  # raised again below
                    failed = error
                with anyio.move_on_after(CLOSING_SECONDS):
                    await server.flush()
                    await server.close_sockets()
                group.cancel_scope.cancel()
        finally:
            await engine.aclose()
        if failed is not None:
            raise failed


@contextmanager
def in_thread[T](service: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Runs a block, such as `serve()`, in a thread and a loop of its own for the length of this one."""
    with start_blocking_portal("asyncio") as portal, portal.wrap_async_context_manager(service) as served:
        yield served
