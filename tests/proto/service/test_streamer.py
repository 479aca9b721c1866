"""Stream control, from the streamer's side (docs/protocol.md#stream-messages, #a-compatible-server)."""

from typing import Any

import pytest

from odyssey_proto.messages import signaling
from odyssey_proto.messages.stream import (
    InteractiveStreamEnd,
    InteractiveStreamError,
    InteractiveStreamStart,
    StreamEnded,
    StreamMessage,
    StreamStarted,
    Update,
    UpdateAcknowledged,
)
from odyssey_proto.seam.inputs import ChannelUp, LocalDescription, SdpKind
from odyssey_proto.service.io.film import MAX_PROMPTS
from odyssey_proto.service.io.seam import Show
from odyssey_proto.service.live.moderation import MAX_IMAGE, MAX_PROMPT
from odyssey_proto.service.live.streamer import MAX_UNSAID, expanded
from tests.proto.service.service_by_hand import (
    FROM_STREAMER,
    SDP,
    TO_STREAMER,
    ServiceByHand,
    closes,
    streamed,
)

START = InteractiveStreamStart("A cat")
END = InteractiveStreamEnd()
IMAGE = "data:image/png;base64,AAAA"


def shown(outputs: list[Any]) -> list[tuple[str, ...] | None]:
    shows = [output for output in outputs if isinstance(output, Show)]
    return [None if show.scene is None else show.scene.prompts for show in shows]


def refused(outputs: list[Any]) -> str:
    assert shown(outputs) == []
    (reply,) = streamed(outputs)
    assert isinstance(reply, InteractiveStreamError)
    assert reply.message
    return reply.reason


def test_a_stream_from_start_to_end() -> None:
    host = ServiceByHand().ready()
    outputs = host.streams(InteractiveStreamStart("A cat", portrait=False, image=IMAGE))
    show = next(output for output in outputs if isinstance(output, Show))
    assert show.peer == host.peer
    assert show.scene is not None
    assert (show.scene.portrait, show.scene.image) == (False, IMAGE)
    assert streamed(outputs) == [StreamStarted(show.scene.stream_id, expanded("A cat"))]
    outputs = host.streams(Update("Pet it"))
    assert shown(outputs) == [("A cat", "Pet it")]
    assert streamed(outputs) == [UpdateAcknowledged(expanded("Pet it"))]
    outputs = host.streams(END)
    assert shown(outputs) == [None]
    assert streamed(outputs) == [StreamEnded()]


def test_one_stream_after_another_has_its_own_id() -> None:
    host = ServiceByHand().ready()
    ids = set()
    for _ in range(3):
        (started,) = streamed(host.streams(START))
        assert isinstance(started, StreamStarted)
        ids.add(started.stream_id)
        host.streams(END)
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("prompt", "bypass", "applied"),
    [
        ("A cat", None, "A cat, in soft light, gently moving"),
        ("A cat", False, "A cat, in soft light, gently moving"),
        ("A cat", True, "A cat"),
        ("", None, ""),
    ],
)
def test_the_prompt_that_is_applied(prompt: str, bypass: bool | None, applied: str) -> None:
    host = ServiceByHand().ready()
    (started,) = streamed(host.streams(InteractiveStreamStart(prompt, bypass_prompt_expansion=bypass)))
    assert isinstance(started, StreamStarted)
    assert started.applied_prompt == applied


def test_a_start_may_come_over_signaling() -> None:
    host = ServiceByHand().ready()
    (started,) = streamed(host.signals(InteractiveStreamStart("A cat", image=IMAGE)))
    assert isinstance(started, StreamStarted)


def test_nothing_is_said_before_the_channel_is_open() -> None:
    host = ServiceByHand().joined()
    host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP))
    host.signals(signaling.Answer(SDP))
    host.notices(ChannelUp(host.peer, TO_STREAMER, 1000))
    assert streamed(host.signals(START)) == []
    assert streamed(host.streams(Update("Pet it"))) == []
    kinds = [type(message) for message in streamed(host.notices(ChannelUp(host.peer, FROM_STREAMER, 1000)))]
    assert kinds == [StreamStarted, UpdateAcknowledged]


def test_too_much_before_the_channel_is_open_ends_the_session() -> None:
    host = ServiceByHand().joined()
    host.notices(LocalDescription(host.peer, SdpKind.OFFER, SDP))
    for _ in range(MAX_UNSAID):
        assert closes(host.signals(START)) == []
    assert closes(host.signals(START)) == [(4005, "too_many_requests")]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_second_start_is_refused_and_changes_nothing(times: int) -> None:
    host = ServiceByHand().ready()
    host.streams(START)
    for _ in range(times):
        assert refused(host.streams(START)) == "invalid_state"
    assert shown(host.streams(Update("Pet it"))) == [("A cat", "Pet it")]


def test_an_update_without_a_stream_is_refused() -> None:
    assert refused(ServiceByHand().ready().streams(Update("Pet it"))) == "invalid_state"


def test_an_end_without_a_stream_is_answered() -> None:
    host = ServiceByHand().ready()
    for _ in range(2):
        outputs = host.streams(END)
        assert streamed(outputs) == [StreamEnded()]
        assert shown(outputs) == []


def test_time_is_over() -> None:
    guest = ServiceByHand(stream_seconds=30)
    host = guest.ready()
    host.streams(START)
    outputs = guest.wait(30)
    error, ended = streamed(outputs)
    assert error == InteractiveStreamError("session_timeout", "the stream reached its limit of 30 s")
    assert ended == StreamEnded()
    assert shown(outputs) == [None]
    assert streamed(host.streams(END)) == [StreamEnded()]
    assert isinstance(streamed(host.streams(START))[0], StreamStarted)


def test_time_of_an_ended_stream_does_not_count() -> None:
    guest = ServiceByHand(stream_seconds=30)
    host = guest.ready()
    host.streams(START)
    host.streams(END)
    assert guest.wait(35) == []


@pytest.mark.parametrize("prompt", ["a Bad cat", "BAD", "worse, bad!", "straße", "STRASSE"])
def test_moderation(prompt: str) -> None:
    host = ServiceByHand(moderated=["bad", "STRASSE"]).ready()
    assert refused(host.streams(InteractiveStreamStart(prompt))) == "moderation_failed"
    host.streams(START)
    assert refused(host.streams(Update(prompt))) == "moderation_failed"
    assert shown(host.streams(Update("Pet it"))) == [("A cat", "Pet it")]


def test_moderation_takes_whole_words() -> None:
    host = ServiceByHand(moderated=["bad"]).ready()
    assert isinstance(streamed(host.streams(InteractiveStreamStart("a badger")))[0], StreamStarted)


@pytest.mark.parametrize(
    ("start", "config", "reason"),
    [
        (InteractiveStreamStart("x" * (MAX_PROMPT + 1)), {}, "prompt_too_long"),
        (InteractiveStreamStart(image="/etc/passwd"), {}, "invalid_image"),
        (InteractiveStreamStart(image=IMAGE), {"image_to_video": False}, "image_not_supported"),
        (InteractiveStreamStart(image=IMAGE + "A" * MAX_IMAGE), {}, "invalid_image"),
        (
            InteractiveStreamStart(bypass_prompt_expansion=True),
            {"bypass_allowed": False},
            "permission_denied",
        ),
    ],
)
def test_other_refusals(start: InteractiveStreamStart, config: dict[str, Any], reason: str) -> None:
    host = ServiceByHand(**config).ready()
    assert refused(host.signals(start)) == reason
    assert isinstance(streamed(host.streams(START))[0], StreamStarted)


def test_a_scene_remembers_the_first_and_the_newest() -> None:
    host = ServiceByHand().ready()
    host.streams(START)
    for number in range(MAX_PROMPTS + 5):
        (prompts,) = shown(host.streams(Update(str(number))))
    assert prompts is not None
    assert len(prompts) == MAX_PROMPTS
    assert prompts[0] == "A cat"
    assert prompts[-1] == str(MAX_PROMPTS + 4)


@pytest.mark.parametrize("message", [StreamEnded(), StreamStarted("x"), '{"type": "news"}', "{", "", "[]"])
def test_what_is_no_request_is_ignored_but_noted(message: StreamMessage | str) -> None:
    guest = ServiceByHand()
    host = guest.ready()
    notes = len(guest.notes)
    assert len(host.streams(message)) == 1
    assert len(guest.notes) == notes + 1
