"""Cores that behave otherwise than today's, and traces of an older one."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from attrs import evolve

from core.traced_sessions import scenarios
from odyssey_proto.client.client import Client
from odyssey_proto.kernel.machine import Deadline, Instant
from odyssey_proto.seam.http import ExchangeId, HttpRequest
from odyssey_proto.seam.inputs import Replied
from odyssey_proto.seam.outputs import CancelRequest, OpenSocket, Request, SendText
from odyssey_proto.seam.settings import Settings
from odyssey_proto.trace import BEHAVIOUR, Trace
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.redaction.redactor import redacted


class Newer:
    """A client that behaves otherwise than today's; this one only numbers things otherwise."""

    SHIFT = 1000

    def __init__(self, settings: Settings) -> None:
        self.inner = Client(settings)

    @property
    def deadline(self) -> Deadline | None:
        return self.inner.deadline

    def step(self, now: Instant, inp: Any, /) -> list[Any]:
        return [shifted(output, self.SHIFT) for output in self.does(now, shifted(inp, -self.SHIFT))]

    def does(self, now: Instant, inp: Any) -> Iterable[Any]:
        return self.inner.step(now, inp)


def shifted(value: Any, by: int) -> Any:
    names = [name for name in ("exchange", "socket", "peer", "fetch") if hasattr(value, name)]
    return evolve(value, **{name: getattr(value, name) + by for name in names})


def asks(output: Any, end: str) -> bool:
    return isinstance(output, Request) and output.request.url.endswith(end)


class InTurn(Newer):
    """It asks for the ICE config when the session token has come, not at once."""

    waits: tuple[ExchangeId, Request] | None = None

    def does(self, now: Instant, inp: Any) -> Iterator[Any]:
        token: ExchangeId | None = None
        for output in self.inner.step(now, inp):
            token = output.exchange if asks(output, "/sessions/token") else token
            if token is not None and asks(output, "/config"):
                self.waits = token, output
            else:
                yield output
        if self.waits is not None and isinstance(inp, Replied) and inp.exchange == self.waits[0]:
            yield self.waits[1]
            self.waits = None


class Swapped(Newer):
    """It asks for the ICE config before the session token."""

    def does(self, now: Instant, inp: Any) -> Iterable[Any]:
        outputs = list(self.inner.step(now, inp))
        places = [at for at, output in enumerate(outputs) if asks(output, ("/sessions/token", "/config"))]
        if len(places) == 2:
            one, two = places
            outputs[one], outputs[two] = outputs[two], outputs[one]
        return outputs


class AtOnce(Newer):
    """It asks for the regions together with the access token, not when that has come."""

    EARLY = ExchangeId(900)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.reply: Any = None
        self.wanted: ExchangeId | None = None

    def does(self, now: Instant, inp: Any) -> Iterator[Any]:
        if getattr(inp, "exchange", None) == self.EARLY:
            self.reply = inp
            if self.wanted is not None:
                yield from self.does(now, evolve(inp, exchange=self.wanted))
            return
        for output in self.inner.step(now, inp):
            if asks(output, "/regions") and self.reply is None:
                self.wanted = output.exchange
            elif asks(output, "/regions"):
                yield from self.does(now, evolve(self.reply, exchange=output.exchange))
            else:
                yield output
            if asks(output, "/auth/token") and self.reply is None:
                yield Request(
                    self.EARLY, HttpRequest("GET", output.request.url.replace("/auth/token", "/regions"))
                )


class Curious(Newer):
    """It asks for something that nobody asked for, and says something that nobody said."""

    def does(self, now: Instant, inp: Any) -> Iterator[Any]:
        for output in self.inner.step(now, inp):
            yield output
            if asks(output, "/auth/token"):
                yield Request(ExchangeId(901), HttpRequest("GET", "https://elsewhere.example/news"))
            if isinstance(output, OpenSocket):
                yield SendText(output.socket, '{"type":"hello"}')


class Hasty(Newer):
    """It takes back what it asked at once, and asks again."""

    def does(self, now: Instant, inp: Any) -> Iterator[Any]:
        for output in self.inner.step(now, inp):
            if asks(output, "/regions"):
                yield Request(ExchangeId(902), HttpRequest("GET", "https://elsewhere.example/news"))
                yield CancelRequest(ExchangeId(902))
            yield output


NEWER: tuple[type[Newer], ...] = (Newer, InTurn, Swapped, AtOnce, Curious, Hasty)


@cache
def older(name: str = "good") -> Trace:
    """Returns an exported trace of a core with another behaviour."""
    return aged(redacted(scenarios()[name](), fresh))


def aged(trace: Trace) -> Trace:
    return evolve(trace, header=evolve(trace.header, behaviour=BEHAVIOUR + 1))
