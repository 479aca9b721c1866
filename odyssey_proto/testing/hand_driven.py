"""What a client and a spectator by hand have in common: the test replies, reports and lets time pass."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from odyssey_proto.kernel.machine import Instant, Machine, Span, after, seconds
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ExchangeFailed,
    MediaInput,
    PeerId,
    Replied,
    TransportError,
    TransportErrorKind,
    Wake,
)
from odyssey_proto.seam.settings import Settings, SpectatorSettings
from odyssey_proto.testing.transcript import Transcript

MAX_WAKES = 200
"""So often a machine that leaves may want to be woken until it is at rest."""


class HandDriven(Transcript, ABC):
    """A machine whose whole outside is the test."""

    now: Instant

    def __init__(self, machine: Machine[Any, Any], settings: Settings | SpectatorSettings) -> None:
        super().__init__(machine)
        self.settings = settings

    # --- replies to requests --------------------------------------------------------------------

    @property
    def requests(self) -> dict[ExchangeId, HttpRequest]:
        """What it asked for and has no reply, the oldest first."""
        return self.obligations.requests

    @property
    def request(self) -> HttpRequest:
        """The only request under way."""
        (request,) = self.requests.values()
        return request

    @property
    def paths(self) -> list[str]:
        """The paths of the requests under way."""
        return [path_of(request) for request in self.requests.values()]

    def exchange(self, to: str | None = None) -> ExchangeId:
        """Returns the name of the request for a path, or of the oldest."""
        return next(name for name, request in self.requests.items() if to in (None, path_of(request)))

    def reply(self, reply: HttpReply, to: str | None = None) -> list[Any]:
        """Answers the request for a path, or the oldest."""
        return self.step(Replied(self.exchange(to), reply))

    def fail_request(self, kind: TransportErrorKind = TransportErrorKind.CLOSED) -> list[Any]:
        """Lets the oldest request get no reply."""
        return self.step(ExchangeFailed(self.exchange(), TransportError(kind)))

    # --- media ----------------------------------------------------------------------------------

    @property
    def peers(self) -> set[PeerId]:
        """Every peer that is not dropped."""
        return self.obligations.peers

    def media(self, *notices: MediaInput) -> list[Any]:
        """Brings what the media engine reports, one after another; returns what came of it."""
        return [output for notice in notices for output in self.step(notice)]

    # --- all goes well --------------------------------------------------------------------------

    @abstractmethod
    def goes_well(self, choice: int = 0) -> None:
        """Lets the next thing go well; `choice` says which of several requests is answered."""

    # --- time -----------------------------------------------------------------------------------

    def wait(self, span: Span) -> list[Any]:
        """Lets time pass, and wakes the machine whenever it wants to be; returns what came of it."""
        ends = after(self.now, span)
        outputs: list[Any] = []
        while (deadline := self.machine.deadline) is not None and deadline.at <= ends:
            self.now = Instant(max(self.now, deadline.at))
            outputs += self.step(Wake())
        self.now = ends
        return outputs

    def jump(self, span: Span) -> None:
        """Lets time pass without a wake, so that the next input meets timers that are overdue."""
        self.now = after(self.now, span)

    def finish(self) -> None:
        """
        Leaves, and lets time pass until nothing waits: every command must have ended by then.

        Whatever comes after that comes too late for anything.
        """
        limit = after(self.now, seconds(self.settings.timeouts.leave))
        leaving = self.disconnect()
        wakes = 0
        while (deadline := self.machine.deadline) is not None:
            self.now = Instant(max(self.now, deadline.at))
            self.step(Wake())
            wakes += 1
            assert wakes <= MAX_WAKES, "at rest nothing waits"
        self.obligations.settled()
        assert leaving.ended_at is not None
        assert leaving.ended_at <= limit, "leaving is bounded in time"
        for late in (Wake(), *self.late_inputs()):
            assert self.step(late) == [], "what comes too late is nothing"
            assert self.machine.deadline is None

    @abstractmethod
    def late_inputs(self) -> Iterator[Any]:
        """Gives what may still come for everything that there ever was."""


def path_of(request: HttpRequest) -> str:
    """Returns the path of a request, without its query."""
    return "/" + request.url.split("://", 1)[1].partition("/")[2]
