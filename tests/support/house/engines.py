"""Engines of media that a test starts and can reach."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from odyssey_anyio.media.engine import Engine
from odyssey_anyio.media.host import ThreadHost
from odyssey_proto.seam.inputs import MediaInput, PeerFailed, PeerId, TransportError


class Media:
    """Makes engines whose threads a test can reach."""

    def __init__(self) -> None:
        self.hosts: list[ThreadHost] = []
        self.engines: list[Engine] = []

    def __call__(self) -> Engine:
        def host(*given: Any) -> ThreadHost:
            made = ThreadHost(*given)
            self.hosts.append(made)
            return made

        self.engines.append(Engine(host=host))
        return self.engines[-1]

    def strike(self, blow: Callable[[], None]) -> None:
        """Has something done in the thread that was made last."""
        self.hosts[-1].inward(blow)


class StartedEngine:
    """An engine that is started, and what it reported."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reports: list[MediaInput] = []

    def errors_of(self, peer: PeerId) -> list[TransportError]:
        """Returns the errors of a peer."""
        return [n.error for n in self.reports if isinstance(n, PeerFailed) and n.peer == peer]


@asynccontextmanager
async def started(engine: Engine) -> AsyncIterator[StartedEngine]:
    owner = StartedEngine(engine)
    await engine.start(owner.reports.append)
    try:
        yield owner
    finally:
        await engine.aclose()
