"""Two traces side by side."""

from collections.abc import Callable

import pytest
from attrs import evolve
from core.traced_sessions import (
    PICTURE,
    SETTINGS,
    called,
    giving,
    good_session,
    recorded,
    simulated,
    twice,
)

from odyssey.inspect.compare import MAX_LINES, Aligned, Match, compared
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model.quality import LimitingFactor
from odyssey_proto.seam.commands import Connect, Interact, StartStream
from odyssey_proto.seam.inputs import LocalDescription, MediaSeen, PeerId, SdpKind, SocketId, SocketText
from odyssey_proto.seam.outputs import OpenSocket
from odyssey_proto.testing.world import World
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


def run(number: int, script: Callable[[World], None] = good_session) -> Trace:
    """A session of the same program: other seeds, another service, another hour."""
    chance = f"{number}".encode()
    settings = evolve(
        SETTINGS, api_url=f"http://127.0.0.1:{8000 + number}", seed=chance, wall=SETTINGS.wall + number
    )
    return recorded(script, settings=settings, seed=chance)


@pytest.mark.parametrize("script", [good_session, twice, called, simulated])
def test_two_runs_of_one_program_are_the_same(script: Callable[[World], None]) -> None:
    one, two = run(1, script), run(2, script)
    assert one.steps != two.steps
    assert matches(list(compared(one, two))) == {Match.SAME}


def test_how_many_frames_had_come_by_then_does_not_count() -> None:
    def counted(*received: int, undecoded: int = 0) -> Trace:
        steps = (Step(Instant(0), MediaSeen(PeerId(1), each, undecoded)) for each in received)
        return Trace(Header(SETTINGS), tuple(steps))

    assert matches(list(compared(counted(26, 50), counted(27, 52, 77)))) == {Match.SAME}
    assert matches(list(compared(counted(27, 52, 77), counted(26, 50)))) == {Match.SAME}
    assert Match.CHANGED in matches(list(compared(counted(26), counted(0))))
    assert Match.CHANGED in matches(list(compared(counted(26), counted(26, undecoded=5))))


def test_what_limited_the_video_does_not_count() -> None:
    def limited(factor: LimitingFactor | None) -> Trace:
        step = Step(Instant(0), MediaSeen(PeerId(1), 26, limited_by=factor))
        return Trace(Header(SETTINGS), (step,))

    assert matches(list(compared(limited(LimitingFactor.JITTER), limited(None)))) == {Match.SAME}


def test_what_a_program_does_otherwise_shows_among_what_is_drawn_anew() -> None:
    def other(world: World) -> None:
        giving([Connect(), StartStream("A dog", image=PICTURE)])(world)

    changed = [each for each in compared(run(1), run(2, other)) if each.match is Match.CHANGED]
    text = "\n".join(line for each in changed for line in each.lines)
    assert "A dog" in text
    assert "127.0.0.1" not in text


def test_an_id_shows_which_one_of_its_trace_is_meant() -> None:
    def asking(*names: str) -> Trace:
        return Trace(
            Header(SETTINGS),
            tuple(
                Step(Instant(0), SocketText(SocketId(1), f'{{"stream_id":"{name}","reason":"{name} ended"}}'))
                for name in names
            ),
        )

    assert matches(list(compared(asking("one1", "two2"), asking("1111", "2222")))) == {Match.SAME}
    assert Match.CHANGED in matches(list(compared(asking("one1", "two2"), asking("1111", "1111"))))


def test_a_refused_section_of_a_description_shows() -> None:
    def described(port: int) -> Trace:
        sdp = f"v=0\r\no=- {port} 1 IN IP4 0.0.0.0\r\nm=video {port} X\r\n"
        return Trace(Header(SETTINGS), (Step(Instant(0), LocalDescription(PeerId(1), SdpKind.ANSWER, sdp)),))

    assert matches(list(compared(described(1), described(2)))) == {Match.SAME}
    (changed,) = compared(described(1), described(0))
    assert "-  sdp: '<description: video>'" in changed.lines
    assert "+  sdp: '<description: video refused>'" in changed.lines


def test_a_long_difference_is_cut() -> None:
    def spoken(word: str) -> Trace:
        text = "[" + ",".join(f'"{word}{number}"' for number in range(200)) + "]"
        outputs = tuple(OpenSocket(SocketId(1), f"wss://a.example/{word}{n}", ()) for n in range(60))
        return Trace(Header(SETTINGS), (Step(Instant(0), SocketText(SocketId(1), text), outputs),))

    (only,) = compared(spoken("a"), spoken("b"))
    assert only.match is Match.CHANGED
    assert len(only.lines) == MAX_LINES + 1
    assert only.lines[-1] == "…"
