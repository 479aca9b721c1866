"""Two traces side by side."""

import pytest
from attrs import evolve
from core.traced_sessions import SETTINGS, giving, recorded

from odyssey.inspect.compare import HIDDEN, MAX_LINES, Aligned, Match, compared
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.commands import Connect, Interact, StartStream
from odyssey_proto.seam.inputs import SocketId, SocketText
from odyssey_proto.seam.outputs import OpenSocket
from odyssey_proto.trace import Header, Step, Trace


def session(*prompts: str) -> Trace:
    return recorded(giving([Connect(), StartStream("A cat"), *map(Interact, prompts)]))


@pytest.fixture(scope="module")
def trace() -> Trace:
    return session("Pet it")


def matches(some: list[Aligned]) -> set[Match]:
    return {each.match for each in some}


@pytest.mark.parametrize("times", [False, True])
def test_a_recording_is_the_same_as_itself(trace: Trace, times: bool) -> None:
    same = list(compared(trace, trace, times=times))
    assert [(each.left, each.right) for each in same] == [(n, n) for n in range(len(trace.steps))]
    assert matches(same) == {Match.SAME}


def test_times_count_only_where_they_are_wanted(trace: Trace) -> None:
    later = evolve(trace, steps=tuple(evolve(step, at=Instant(step.at + 7)) for step in trace.steps))
    assert matches(list(compared(trace, later))) == {Match.SAME}
    changed = list(compared(trace, later, times=True))
    assert matches(changed) == {Match.CHANGED}
    assert any(line.startswith("-time: ") for line in changed[0].lines)


def test_what_is_said_differently_is_a_change(trace: Trace) -> None:
    other = session("Feed it")
    changed = [each for each in compared(trace, other) if each.match is Match.CHANGED]
    assert changed
    text = "\n".join(line for each in changed for line in each.lines)
    assert "Pet it" in text
    assert "Feed it" in text


def test_what_only_one_has_is_marked_so(trace: Trace) -> None:
    other = session("Pet it", "And again")
    more = list(compared(trace, other))
    assert Match.RIGHT in matches(more)
    assert Match.LEFT not in matches(more)
    assert Match.LEFT in matches(list(compared(other, trace)))
    assert [each.left for each in more if each.left is not None] == list(range(len(trace.steps)))


def test_a_step_of_another_kind_stands_alone() -> None:
    here = Trace(Header(SETTINGS), (Step(Instant(0), SocketText(SocketId(1), "{}")),))
    there = recorded(giving([]))
    assert matches(list(compared(here, there))) == {Match.LEFT, Match.RIGHT}


def test_numbers_that_are_counted_do_not_differ() -> None:
    def starting(number: int) -> Trace:
        return Trace(Header(SETTINGS), (Step(Instant(0), SocketText(SocketId(number), "{}")),))

    assert matches(list(compared(starting(1), starting(7)))) == {Match.SAME}


def test_a_difference_in_secrets_is_not_spelled_out() -> None:
    def with_token(token: str) -> Trace:
        order = OpenSocket(SocketId(1), "wss://a.example/x", (("token", Secret(token)),))
        return Trace(Header(SETTINGS), (Step(Instant(0), SocketText(SocketId(1), "{}"), (order,)),))

    (only,) = compared(with_token("one-long-secret"), with_token("two-long-secret"))
    assert (only.match, only.lines) == (Match.CHANGED, (HIDDEN,))


def test_a_long_difference_is_cut() -> None:
    def spoken(word: str) -> Trace:
        text = "[" + ",".join(f'"{word}{number}"' for number in range(200)) + "]"
        outputs = tuple(OpenSocket(SocketId(1), f"wss://{word}{n}.example", ()) for n in range(60))
        return Trace(Header(SETTINGS), (Step(Instant(0), SocketText(SocketId(1), text), outputs),))

    (only,) = compared(spoken("a"), spoken("b"))
    assert only.match is Match.CHANGED
    assert len(only.lines) == MAX_LINES + 1
    assert only.lines[-1] == "…"
