"""The local service: real HTTP, WebSocket and WebRTC on loopback, run by the core's server roles."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from ipaddress import ip_address
from typing import Any

import anyio
from anyio.abc import SocketAttribute
from anyio.from_thread import start_blocking_portal
from attrs import evolve, frozen

from odyssey_anyio.aio.machine_loop import Clock, Inbox, run_machine
from odyssey_anyio.local.films.worker import FilmRenderer
from odyssey_anyio.local.listener import Listener
from odyssey_anyio.local.sockets import service_sockets
from odyssey_anyio.local.stun import answer_stun
from odyssey_anyio.local.video.track import SceneSource
from odyssey_anyio.media.engine import Engine
from odyssey_anyio.media.host import own_thread
from odyssey_proto.kernel.url import host_and_port
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.seam.outputs import CloseSocket, DropSocket, SendText
from odyssey_proto.service.io.access import AccessPolicy
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
    ServiceMachine,
    ServiceOutput,
    Show,
)
from odyssey_proto.service.service import Service

logger: logging.Logger = logging.getLogger("odyssey.service")


_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""What listens at every address is called at that of loopback."""


@frozen
class LocalService:
    """A service that runs: the host at which it was to listen, and its port."""

    host: str
    """Where it listens, as it was asked for."""
    port: int
    """The port that it has."""
    local: bool
    """Whether only this machine can reach it."""

    @property
    def url(self) -> str:
        """What a client on this machine takes as `api_url`."""
        host = _WILDCARDS.get(self.host, self.host)
        return f"http://{host_and_port(host, self.port)}"


CLOSING_SECONDS = 0.5
"""How long the last answers and closing the sockets may take."""

type Make = Callable[[int, Clock], ServiceMachine]
"""Makes what answers, from the port at which STUN is answered and the clock that it will be stepped by."""


@asynccontextmanager
async def serve(
    config: ServiceConfig | None = None, *, host: str | None = None, port: int = 0
) -> AsyncIterator[LocalService]:
    """
    Runs a local service for the length of the block.

    `config` has its keys, limits and faults; without it they are the documented ones, and nothing goes wrong.
    `host` is the name or address to listen at; unless it is given, 127.0.0.1, or ::1 where that is missing.
    `port` 0 takes a free one.
    Raises `OSError` if the address cannot be had.
    """
    plan = config or ServiceConfig()

    def make(stun_port: int, clock: Clock) -> ServiceMachine:
        return Service(evolve(plan, stun_port=stun_port), seed=os.urandom(16), wall=clock.wall)

    async with serve_machine(make, host, port, plan.access) as service:
        yield service


@asynccontextmanager
async def serve_machine(
    make: Make, host: str | None, port: int, access: AccessPolicy
) -> AsyncIterator[LocalService]:
    """Runs any machine that speaks the service's seam, as `serve` does."""
    clock = Clock()
    inbox: Inbox[ServiceInput] = Inbox()
    if host is not None:
        # Whoever has it listen by a name will call it so.
        access = evolve(access, hosts=(*access.hosts, host))

    def admit(head: HttpRequest) -> int:
        access.check(head)
        return machine.max_body(clock(), head)

    server = Listener(inbox.put, admit)
    scenes = SceneSource()
    engine = Engine(scenes, own_thread)
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

    async with service_sockets(host, port) as (listener, stun):
        bound: Any = listener.extra(SocketAttribute.local_address)
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
                    local = ip_address(bound[0].partition("%")[0]).is_loopback
                    yield LocalService(host or bound[0], bound[1], local)
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
