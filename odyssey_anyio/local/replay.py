"""Traces served over real sockets: an application talks to what its service once said."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from attrs import field, frozen

from odyssey_anyio.aio.machine_loop import Clock
from odyssey_anyio.local.service import LocalService, serve_machine
from odyssey_proto.playback import Divergence, DivergenceError, Playback, script_of
from odyssey_proto.service.io.access import AccessPolicy
from odyssey_proto.service.io.seam import ServiceMachine
from odyssey_proto.trace import Trace

CLOSING_SECONDS = 1.0
"""How long what is under way may take when the block is left."""

POLL_SECONDS = 0.01
"""How often the end of a trace is looked for."""


@frozen
class ReplayService(LocalService):
    """Traces that are being served."""

    playback: Playback = field(repr=False, eq=False)

    @property
    def complete(self) -> bool:
        """Whether everything in the traces was done and said."""
        return self.playback.complete

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """What was done otherwise than recorded until now."""
        return self.playback.divergences

    @property
    def connected(self) -> bool:
        """Whether any client has its WebSocket open."""
        return self.playback.connected

    def check(self) -> None:
        """Raises `DivergenceError` for what was done otherwise until now, and for what is missing."""
        self.playback.check()

    async def completed(self) -> None:
        """Waits until everything in the traces was done and said."""
        while not self.complete:
            await anyio.sleep(POLL_SECONDS)


@asynccontextmanager
async def serve_trace(
    *traces: Trace,
    fast: bool = False,
    host: str | None = None,
    port: int = 0,
    access: AccessPolicy | None = None,
) -> AsyncIterator[ReplayService]:
    """
    Serves traces of clients for the length of the block: one session each, in that order.

    With their own times, unless it is `fast`: then each thing comes as soon as the application is there.
    `host`, `port` and `access` are as for `serve`.
    What the application does otherwise than recorded is logged as it comes, at `odyssey.service`.
    Raises `DivergenceError` at the end if the application did anything otherwise than recorded, or
    not at all; an error of the block itself gets a note that says so.
    Raises `UnplayableError` for a trace that cannot be served, `OSError` if the address cannot be had.
    """
    scripts = tuple(map(script_of, traces))
    made: list[Playback] = []

    def make(stun_port: int, clock: Clock) -> ServiceMachine:
        made.append(Playback(scripts, fast=fast, stun=stun_port, wall=clock.wall))
        return made[0]

    async with serve_machine(make, host, port, access or AccessPolicy()) as service:
        (playback,) = made
        served = ReplayService(service.host, service.port, service.local, playback)
        try:
            yield served
        except Exception as error:
            if (different := _different(playback)) is not None:
                error.add_note(f"The session went another way than its trace.\n{different.text}")
            raise
        with anyio.move_on_after(CLOSING_SECONDS):
            await served.completed()
        if (different := _different(playback)) is not None:
            raise different


def _different(playback: Playback) -> DivergenceError | None:
    try:
        playback.check()
    except DivergenceError as error:
        return error
    return None
