"""What an application would notice of a newer core that goes another way is found."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from attrs import evolve
from core.newer_cores import Curious, Newer, Swapped, aged, asks, older
from core.traced_sessions import giving, recorded

from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model.events import StatusChanged, StreamEnded, StreamStarted
from odyssey_proto.seam.commands import Command, CommandId, Interact, StartStream
from odyssey_proto.seam.inputs import ChannelText
from odyssey_proto.seam.outputs import Completed, DropPeer, Happened, MakeAnswer
from odyssey_proto.seam.settings import Settings
from odyssey_proto.trace import ReplayError, application_difference, check, verdict
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.redaction.redactor import redacted


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
