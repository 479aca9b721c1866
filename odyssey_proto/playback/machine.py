"""Recordings as a service: the seam is the local service's, and so are the drivers."""

from collections.abc import Iterable
from enum import Enum, unique
from itertools import count

from odyssey_proto.inputs import SocketClosed, SocketId, SocketText, Wake
from odyssey_proto.machine import Deadline, Instant, earliest
from odyssey_proto.messages.endpoint import path_of
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.playback.acts import Lane
from odyssey_proto.playback.content import Content, request_content
from odyssey_proto.playback.divergence import Differences, Divergence, DivergenceError
from odyssey_proto.playback.script import Script, join_lane, request_lane
from odyssey_proto.playback.stage import Stage
from odyssey_proto.service.cors import preflight, shared
from odyssey_proto.service.seam import (
    Answer,
    Asked,
    AskerGone,
    RefuseSocket,
    Rendered,
    RenderFailed,
    ScriptFetched,
    ServiceInput,
    ServiceOutput,
    SocketAsked,
)

NOT_RECORDED = 400
"""The status of what was not recorded: one after which nobody tries again."""


@unique
class PlaybackReason(Enum):
    """Why a playback wants to be woken."""

    CUE = "cue"


class Playback:
    """
    Plays recorded sessions for whoever asks as their clients did, in the order in which they began.

    Each is played with its own times, or as fast as its client goes on if it is `fast`.
    `stun` is the port at which STUN is answered, for what the recorded service had of that kind;
    `wall` the wall-clock time at instant zero, in microseconds since 1970 (UTC).
    """

    def __init__(
        self, scripts: Iterable[Script], *, fast: bool = False, stun: int | None = None, wall: int = 0
    ) -> None:
        peers = count(1)
        self._stages = tuple(Stage(script, peers, fast=fast, stun=stun, wall=wall) for script in scripts)
        self._extra = Differences()
        self._now = Instant(0)

    def __repr__(self) -> str:
        return f"<Playback {', '.join(map(repr, self._stages))}>"

    @property
    def complete(self) -> bool:
        """Whether everything in the recordings was done and said."""
        return all(stage.complete for stage in self._stages)

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """What was done otherwise than recorded until now."""
        return (*(each for stage in self._stages for each in stage.divergences), *self._extra)

    def check(self) -> None:
        """Raises `DivergenceError` if anything was done otherwise than recorded, or not at all."""
        missing = (each for stage in self._stages for each in stage.missing())
        if found := (*self.divergences, *missing):
            raise DivergenceError(found)

    def step(self, now: Instant, inp: ServiceInput, /) -> list[ServiceOutput]:
        """Takes the time and one input and returns what must be done, in order."""
        self._now = now = Instant(max(now, self._now))
        outputs = self._take(now, inp)
        for stage in self._stages:
            outputs += stage.advance(now)
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """When the next thing is due that depends on nothing but time."""
        waits = [at for stage in self._stages if (at := stage.waits) is not None]
        return earliest(*(Deadline(at, PlaybackReason.CUE) for at in waits))

    def _take(self, now: Instant, inp: ServiceInput) -> list[ServiceOutput]:
        match inp:
            case Wake() | AskerGone() | Rendered() | RenderFailed() | ScriptFetched():
                return []
            case Asked(exchange, request) if request.method == "OPTIONS":
                return [Answer(exchange, preflight())]
            case Asked():
                return self._asked(now, inp)
            case SocketAsked():
                return self._joined(now, inp)
            case SocketText(socket, text):
                stage = self._on(socket)
                return [] if stage is None else stage.text(now, socket, text)
            case SocketClosed(socket):
                stage = self._on(socket)
                return [] if stage is None else stage.gone(now, socket)
            case _:
                stage = next((each for each in self._stages if each.sends_to(inp.peer)), None)
                return [] if stage is None else stage.noticed(now, inp)

    def _asked(self, now: Instant, asked: Asked) -> list[ServiceOutput]:
        lane = request_lane(asked.request.method, path_of(asked.request))
        stage = self._stage(lane)
        if stage is not None:
            return stage.ask(now, lane, asked)
        refusal = shared(detail_reply(NOT_RECORDED, f"{lane} is not in the recording"))
        return [*self._differs(lane, request_content(asked.request)), Answer(asked.exchange, refusal)]

    def _joined(self, now: Instant, asked: SocketAsked) -> list[ServiceOutput]:
        lane = join_lane(path_of(asked.request))
        stage = self._stage(lane)
        if stage is not None:
            return stage.join(now, lane, asked)
        refusal = shared(detail_reply(NOT_RECORDED, f"{lane} is not in the recording"))
        return [*self._differs(lane, Content()), RefuseSocket(asked.socket, refusal)]

    def _on(self, socket: SocketId) -> Stage | None:
        return next((each for each in self._stages if each.speaks_on(socket)), None)

    def _stage(self, lane: Lane) -> Stage | None:
        return next((each for each in self._stages if each.expects(lane)), None)

    def _differs(self, lane: Lane, came: Content) -> list[ServiceOutput]:
        return self._extra.add([Divergence(lane, None, came)])
