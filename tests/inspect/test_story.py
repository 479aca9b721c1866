"""Recordings as stories: every record in words, what lasted, and the way to the first frame."""

from itertools import pairwise
from typing import Any

import pytest
from core.traced_sessions import SETTINGS, giving, recorded, scenarios, traced_world

from odyssey.inspect.causes import chain
from odyssey.inspect.connect_path import ConnectStep
from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.line import Actor, Tone
from odyssey.inspect.story import Story, story
from odyssey_proto.kernel.machine import Instant, Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.commands import Command, CommandId, Connect, Interact, StartStream
from odyssey_proto.seam.inputs import MediaSeen, PeerId, Wake
from odyssey_proto.seam.outputs import Completed, MakeOffer
from odyssey_proto.seam.settings import SpectatorSettings
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import FailStream, Moment, Swallow
from odyssey_proto.trace import Header, Step, Trace
from odyssey_proto.trace.machines import fresh

SCENARIOS = scenarios()


@pytest.fixture(scope="module")
def stories() -> dict[str, Story]:
    return {name: TraceCursor(make(), fresh).story for name, make in SCENARIOS.items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_record_has_its_words_and_none_is_secret(stories: dict[str, Story], name: str) -> None:
    shown = stories[name]
    assert [entry.record for entry in shown.entries] == list(shown.trace.records())
    assert [entry.number for entry in shown.entries] == list(range(len(shown.entries)))
    text = " ".join(f"{entry.line.title} {entry.line.detail}" for entry in shown.entries)
    assert SETTINGS.api_key.reveal() not in text
    assert "\n" not in text
    assert all(entry.line.title for entry in shown.entries)


@pytest.mark.parametrize("name", SCENARIOS)
def test_causes_come_before_what_they_cause(stories: dict[str, Story], name: str) -> None:
    ties = [entry.tie for entry in stories[name].entries]
    for number, tie in enumerate(ties):
        assert tie.cause is None or tie.cause < number
        assert tie.answers is None or tie.answers < number
        assert chain(ties, number)[-1] == number
    answered = [tie.answers for tie in ties if tie.answers is not None]
    assert len(answered) == len(set(answered)), "a question has one answer"


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_lasts_is_in_order(stories: dict[str, Story], name: str) -> None:
    shown = stories[name]
    for spans in (shown.statuses, shown.phases, shown.streams, shown.stalls):
        for one, other in pairwise(spans):
            assert one.ends is not None
            assert one.begins <= one.ends <= other.begins
    for way in shown.connect_paths:
        assert way.phases[0].begins == way.begins
        for one, other in pairwise(way.phases):
            assert one.ends == other.begins, "there is no gap"
    for wait in shown.waits:
        assert wait.span.ends is None or wait.span.ends >= wait.span.begins
        assert (wait.answer is None) == (wait.span.ends is None)


def test_the_way_to_the_first_frame() -> None:
    def script(world: Any) -> None:
        giving([Connect(), StartStream("A cat")])(world)

    (way,) = story(recorded(watched)).connect_paths
    assert way.reached
    names = [span.name for span in way.phases]
    assert names == ["authenticate", "allocate", "prepare", "signal", "negotiate", "start", "first frame"]
    assert way.ends == way.phases[-1].ends
    (way,) = story(recorded(script)).connect_paths
    assert not way.reached


def watched(world: Any) -> None:
    world.connect()
    world.start("A cat")
    world.wait(seconds(0.2))
    world.frames()
    world.wait(seconds(1))
    world.end()


def test_frames_before_a_stream_end_the_way_where_it_starts() -> None:
    def script(world: Any) -> None:
        world.connect()
        world.frames()
        world.wait(seconds(1))
        world.start("A cat")
        world.wait(seconds(1))

    (way,) = story(recorded(script)).connect_paths
    assert way.reached
    assert [span.name for span in way.phases][-2:] == ["ready", "start"]
    assert ConnectStep.FIRST_FRAME.words == "first frame"


def test_a_spectator_waits_for_the_first_frame_once_it_is_connected() -> None:
    settings = SpectatorSettings(webrtc_url="https://w.example/live/1", token=Secret("token"))
    seen, done = MediaSeen(PeerId(1), 1), Completed(CommandId(1))

    def way(*steps: tuple[int, Any, tuple[Any, ...]]) -> Any:
        begins = Step(Instant(0), Command(CommandId(1), Connect()), (MakeOffer(PeerId(1)),))
        later = (Step(Instant(at), inp, outputs) for at, inp, outputs in steps)
        (found,) = story(Trace(Header(settings), (begins, *later))).connect_paths
        return [span.name for span in found.phases], found.reached, found.ends

    assert way((20, Wake(), (done,)), (30, seen, ())) == (["negotiate", "first frame"], True, 30)
    assert way((20, Wake(), (done,))) == (["negotiate", "first frame"], False, None)
    assert way((10, seen, ()), (20, Wake(), (done,))) == (["negotiate"], True, 20)


def test_a_way_that_fails_ends_with_its_failure(stories: dict[str, Story]) -> None:
    for name, last in (
        ("refused-key", "authenticate"),
        ("no-capacity", "allocate"),
        ("no-offer", "negotiate"),
    ):
        (way,) = stories[name].connect_paths
        assert not way.reached
        assert (way.phases[-1].name, way.phases[-1].tone) == (last, Tone.BAD)


def test_a_connection_that_was_refused_at_once_was_no_way() -> None:
    trace = recorded(giving([Interact("too early")]))
    assert story(trace).connect_paths == ()


def test_the_phases_of_a_session_come_from_a_replay(stories: dict[str, Story]) -> None:
    assert story(recorded()).phases == ()
    names = [span.name for span in stories["good"].phases]
    assert names[:3] == ["connecting", "negotiating", "ready"]


# --- frames ---------------------------------------------------------------------------------------


def reported(*counts: tuple[float, int]) -> Trace:
    """Returns the trace of a stream in which frames are counted at those seconds after its start."""
    world, buffer = traced_world()
    world.connect()
    world.start("A cat")
    began = world.now
    for at, count in counts:
        world.wait(Span(began + seconds(at) - world.now))
        world.step(MediaSeen(PeerId(1), count))
    return buffer.trace()


def test_frames_that_are_missing_are_seen() -> None:
    shown = story(reported((0, 1), (1, 25), (2, 49), (3, 55), (4, 79), (4.01, 80)))
    assert [count.frames for count in shown.frames] == [24, 24, 6, 24]
    assert [count.missing for count in shown.frames] == [0, 0, 18, 0]
    assert [round(count.rate) for count in shown.frames] == [24, 24, 6, 24]


def test_outside_of_a_stream_nothing_is_missing() -> None:
    def script(world: Any) -> None:
        world.connect()
        for at in range(1, 4):
            world.wait(seconds(1))
            world.step(MediaSeen(PeerId(1), at))
        world.start("A cat")
        for at in range(1, 4):
            world.wait(seconds(1))
            world.step(MediaSeen(PeerId(1), 3 + 24 * at))
        world.end()
        world.wait(seconds(1))
        world.step(MediaSeen(PeerId(1), 76))

    shown = story(recorded(script))
    assert all(count.missing == 0 for count in shown.frames)
    assert len(shown.frames) == 6


def test_a_stall_lasts_until_frames_come_again() -> None:
    shown = story(reported((0, 1), (1, 25), (6, 26), (7, 50)))
    (stall,) = shown.stalls
    assert (stall.name, stall.ends is not None) == ("stalled", True)


def test_a_stream_goes_on_after_a_prompt_that_was_refused() -> None:
    world, buffer = traced_world(ServiceConfig(faults=[FailStream(Moment.UPDATE, "moderation_failed")]))
    world.connect()
    world.start("A cat")
    world.give(Interact("bad words"))
    for count in (1, 25, 31, 55):
        world.step(MediaSeen(PeerId(1), count))
        world.wait(seconds(1))
    shown = story(buffer.trace())
    (stream,) = shown.streams
    assert stream.ends is None
    assert [count.missing for count in shown.frames] == [0, 18, 0]


# --- waits ----------------------------------------------------------------------------------------


def test_a_question_without_an_answer_stays_open() -> None:
    world, buffer = traced_world(ServiceConfig(faults=[Swallow(Moment.START)]))
    world.connect()
    world.give(StartStream("A cat"))
    world.wait(seconds(1))
    *_, last = story(buffer.trace()).waits
    assert (last.actor, last.span.name, last.span.ends) == (Actor.APPLICATION, "StartStream", None)


def test_an_empty_recording_is_a_story_too() -> None:
    shown = story(Trace(Header(SETTINGS)))
    assert (shown.begins, shown.ends, shown.entries, shown.frames) == (0, 0, (), ())
    assert TraceCursor(shown.trace, fresh).states == ()
    assert repr(shown).startswith("Story(")
