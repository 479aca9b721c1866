"""The trace of an older core, held against a newer one that goes another way to the same results."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import pytest
from attrs import evolve
from core.traced_sessions import giving, recorded, scenarios

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant
from odyssey_proto.model.events import StatusChanged, StreamEnded, StreamStarted
from odyssey_proto.seam.commands import Command, CommandId, Interact, StartStream
from odyssey_proto.seam.http import ExchangeId, HttpRequest
from odyssey_proto.seam.inputs import ChannelText, Replied, Wake
from odyssey_proto.seam.outputs import (
    CancelRequest,
    Completed,
    DropPeer,
    Happened,
    MakeAnswer,
    OpenSocket,
    Request,
    SendText,
)
from odyssey_proto.seam.settings import Settings
from odyssey_proto.trace import (
    BEHAVIOUR,
    Header,
    ReplayError,
    ServiceSettings,
    Step,
    Trace,
    Verdict,
    application_difference,
    check,
    lines,
    read,
    verdict,
)
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


NOT_MEASURED = [name for name in scenarios() if name not in ("recovered", "path-lost")]
"""How long a gap lasted is seen as well, and a core that takes another way measures another one."""


@pytest.mark.parametrize("core", NEWER)
@pytest.mark.parametrize("name", NOT_MEASURED)
def test_a_core_that_goes_another_way_shows_the_application_the_same(name: str, core: type[Newer]) -> None:
    found = check(older(name), core)
    assert found.moved_on
    assert found.difference is None


@pytest.mark.parametrize("core", NEWER)
def test_it_says_so(core: type[Newer]) -> None:
    found = check(older(), core)
    assert found.steps is not None
    assert found.text == (
        f"recorded by a core of behaviour {BEHAVIOUR + 1}, replayed by one of {BEHAVIOUR}: "
        f"step {found.steps.index} went another way than recorded, and the application sees the same"
    )


def test_a_core_that_claims_to_behave_as_recorded_is_held_to_every_step() -> None:
    today = redacted(recorded(), fresh)
    assert today.header.behaviour == BEHAVIOUR
    with pytest.raises(ReplayError, match=r"^step 0 went another way than recorded$"):
        check(today, Newer)


def test_an_older_trace_that_replays_step_by_step_needs_no_second_look() -> None:
    found = check(older(), fresh)
    assert found == Verdict(older(), None)
    assert (found.moved_on, found.text) == (True, "24 steps, all the same again")


def test_the_behaviour_is_written_and_read() -> None:
    trace = older()
    assert f'"behaviour":{BEHAVIOUR + 1}' in next(iter(lines(trace)))
    assert read(lines(trace)) == trace
    assert redacted(trace, fresh) == trace


def test_an_older_trace_is_exported_if_the_application_sees_the_same() -> None:
    trace = older()
    assert redacted(trace, Swapped) == trace


# --- what the application would notice --------------------------------------------------------


def changing(change: Callable[[list[Any]], list[Any]]) -> type[Newer]:
    """Returns a core whose outputs are changed, on top of asking in another order."""

    class Changed(Swapped):
        def does(self, now: Instant, inp: Any) -> Iterable[Any]:
            return change(list(super().does(now, inp)))

    return Changed


def event(output: Any, kind: type[Any]) -> bool:
    return isinstance(output, Happened) and isinstance(output.event, kind)


def lost(outputs: list[Any]) -> list[Any]:
    return [each for each in outputs if not event(each, StreamStarted)]


def doubled(outputs: list[Any]) -> list[Any]:
    return [again for each in outputs for again in [each] * (1 + event(each, StreamEnded))]


def another_result(outputs: list[Any]) -> list[Any]:
    return [
        evolve(each, result="another") if isinstance(each, Completed) and each.result else each
        for each in outputs
    ]


def another_order(outputs: list[Any]) -> list[Any]:
    return sorted(outputs, key=lambda each: not isinstance(each, Completed))


def silent(outputs: list[Any]) -> list[Any]:
    return [each for each in outputs if not asks(each, "/config")]


def late(outputs: list[Any]) -> list[Any]:
    ended = any(isinstance(each, Completed) and each.command == 5 for each in outputs)
    return [*outputs, Happened(StreamEnded())] if ended else outputs


@pytest.mark.parametrize("change", [lost, doubled, another_result, another_order, silent, late])
def test_a_core_that_shows_the_application_something_else_is_found(
    change: Callable[[list[Any]], list[Any]],
) -> None:
    with pytest.raises(ReplayError, match=r"the application saw \d+ things again, and then something else"):
        check(older(), changing(change))


def test_the_difference_shows_what_was_seen_and_what_was_not_done() -> None:
    found = verdict(older(), changing(silent)).application
    assert found is not None
    assert (found.index, type(found.expected.event), type(found.actual.event)) == (
        4,
        StatusChanged,
        StatusChanged,
    )
    assert found.missing[0].endswith("/config")
    for text in (
        "the application saw 4 things again, and then something else than recorded",
        "-    status: CONNECTED",
        "+    status: CONNECTING",
        "done in the trace, and not now: GET http",
        "done in the trace, and not now: send Answer",
    ):
        assert text in found.text


def test_the_difference_shows_what_was_done_besides() -> None:
    class CuriousAndForgetful(Curious):
        def does(self, now: Instant, inp: Any) -> Iterator[Any]:
            return iter(lost(list(super().does(now, inp))))

    found = verdict(older(), CuriousAndForgetful).application
    assert found is not None
    assert found.unknown == ("GET https://elsewhere.example/news", "send type 'hello'")
    assert "done now, and not in the trace: GET https://elsewhere.example/news" in found.text


def test_a_core_that_never_comes_to_an_end_is_given_up() -> None:
    def endless(outputs: list[Any]) -> list[Any]:
        return [each for each in outputs if not isinstance(each, Completed) or each.command != 1]

    found = verdict(older(), changing(endless)).application
    assert found is not None
    assert (found.expected.command, found.actual) == (1, None)
    assert "+nothing" in found.text


def test_a_core_that_waits_for_nothing_is_given_up() -> None:
    class Dead(Newer):
        deadline = None  # type: ignore[assignment]  # nothing ever comes of it

        def does(self, now: Instant, inp: Any) -> Iterable[Any]:
            return []

    found = verdict(older(), Dead).application
    assert found is not None
    assert (found.index, found.actual) == (1, None)


def test_a_core_that_breaks_on_the_way_is_found() -> None:
    class Broken(Swapped):
        def does(self, now: Instant, inp: Any) -> Iterable[Any]:
            if isinstance(inp, ChannelText):
                raise ZeroDivisionError(inp.text)
            return super().does(now, inp)

    with pytest.raises(ReplayError, match=r"^the core breaks: ZeroDivisionError in ") as caught:
        check(older(), Broken)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "A cat" not in str(caught.value)


def test_a_command_that_was_refused_has_to_be_refused_again() -> None:
    trace = aged(recorded(giving([Interact("hello")])))
    check(trace, Newer)

    class Lenient(Newer):
        def does(self, now: Instant, inp: Any) -> Iterable[Any]:
            try:
                return self.inner.step(now, inp)
            except LocalProtocolError:
                return [Completed(inp.command)]

    found = verdict(trace, Lenient).application
    assert found is not None
    assert (found.expected.code, found.actual) == ("state.not_connected", Completed(CommandId(1)))


class Fragile(Swapped):
    """A core that an input breaks, of a kind that is said."""

    by: Callable[[Any], bool]

    def does(self, now: Instant, inp: Any) -> Iterable[Any]:
        if type(self).by(inp):
            raise ZeroDivisionError
        return super().does(now, inp)


def breaking(by: Callable[[Any], bool]) -> type[Fragile]:
    return type("Fragile", (Fragile,), {"by": staticmethod(by)})


def starts(inp: Any) -> bool:
    return isinstance(inp, Command) and isinstance(inp.what, StartStream)


def speaks(inp: Any) -> bool:
    return isinstance(inp, ChannelText)


@pytest.mark.parametrize("by", [starts, speaks])
def test_the_input_that_broke_an_older_core_has_to_be_taken_now(by: Callable[[Any], bool]) -> None:
    whole = recorded()
    at = next(index for index, step in enumerate(whole.steps) if by(step.inp))
    broken = whole.steps[at]
    trace = aged(redacted(evolve(whole, steps=whole.steps[:at], broken=(broken.at, broken.inp)), fresh))
    assert check(trace, Swapped).difference is None
    found = verdict(trace, breaking(by)).application
    assert found is not None
    assert isinstance(found.raised, ZeroDivisionError)


def test_what_comes_for_a_peer_that_the_core_let_go_of_is_not_given() -> None:
    """The recorded core kept its peer, whose state went on changing; the newer one drops it early."""

    class Early(Newer):
        given: list[Any]

        def __init__(self, settings: Settings) -> None:
            super().__init__(settings)
            self.given = []

        def does(self, now: Instant, inp: Any) -> Iterator[Any]:
            self.given.append(inp)
            for output in self.inner.step(now, inp):
                yield output
                if isinstance(output, MakeAnswer):
                    yield DropPeer(output.peer)

    core = Early(older().header.settings)  # type: ignore[arg-type]  # a client's
    found = application_difference(older(), lambda _: core)
    assert found is not None
    assert not any(hasattr(inp, "peer") for inp in core.given)


def test_a_service_is_held_to_every_step_whatever_its_behaviour() -> None:
    trace = Trace(Header(ServiceSettings(), behaviour=BEHAVIOUR + 1), (Step(Instant(0), Wake()),))
    check(trace, fresh)
    odd = evolve(trace, steps=(Step(Instant(0), Wake(), (Happened(StreamEnded()),)),))
    found = verdict(odd, fresh)
    assert found.difference is found.steps is not None
    assert found.text.startswith(f"recorded by a core of behaviour {BEHAVIOUR + 1}, ")
    with pytest.raises(ValueError, match="a service has no application"):
        application_difference(odd, fresh)


def test_a_request_without_a_reply_on_record_gets_none() -> None:
    trace = older()
    first = evolve(trace, steps=trace.steps[:1])
    assert application_difference(first, fresh) is None
    assert application_difference(first, Swapped) is None


def test_a_trace_without_steps_shows_the_same() -> None:
    assert application_difference(Trace(older().header), fresh) is None
