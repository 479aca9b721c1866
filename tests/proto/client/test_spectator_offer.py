"""The offer of a spectator: where it is sent, what is answered, and when it is given back."""

import pytest

from odyssey_proto.client.spectator import SpectatorState
from odyssey_proto.kernel.failures import FailureKind, Phase
from odyssey_proto.messages.whep import WHEP_OFFER, WhepAnswer
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Connect
from odyssey_proto.seam.http import MAX_REDIRECTS, HttpReply
from odyssey_proto.seam.inputs import SdpKind
from odyssey_proto.testing.spectator_by_hand import (
    ANSWER_REPLY,
    CONNECTED,
    PEER,
    SDP,
    SpectatorSituation,
    spectator_reached,
)


def test_an_offer_on_its_way_is_waited_for_and_given_back() -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    world.disconnect()
    world.reply(ANSWER_REPLY)
    request = world.request
    assert request.method == "DELETE"
    world.reply(HttpReply(404))
    assert world.spectator.state is SpectatorState.GONE


@pytest.mark.parametrize("reply", [HttpReply(401), WHEP_OFFER.encode_reply(WhepAnswer(SDP))])
def test_an_offer_that_made_nothing_is_not_given_back(reply: HttpReply) -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    world.disconnect()
    world.reply(reply)
    assert world.requests == {}
    assert world.spectator.state is SpectatorState.GONE


def test_an_offer_follows_where_the_media_server_sends_it() -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    world.reply(HttpReply(307, (("location", "/a/whep?k=v"),)))
    request = world.request
    assert (request.method, request.url, request.content()) == (
        "POST",
        "https://media.example/a/whep",
        SDP.encode(),
    )
    assert [name for name, _ in request.query] == ["k"]
    world.reply(ANSWER_REPLY)
    world.media(*CONNECTED)
    world.disconnect()
    request = world.request
    assert (request.method, request.url) == ("DELETE", "https://media.example/live/s/whep/r1")


@pytest.mark.parametrize(
    "elsewhere", ["https://edge.example/whep", "http://127.0.0.1:80/", "//media.example:1/"]
)
def test_an_offer_is_sent_to_nobody_else(elsewhere: str) -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    world.reply(HttpReply(307, (("location", elsewhere),)))
    assert world.the(Connect).failure.status == 307
    world.finish()


@pytest.mark.parametrize(
    "elsewhere", ["https://edge.example/r1", "http://127.0.0.1:80/", "//media.example:1/"]
)
def test_what_another_server_holds_is_not_deleted(elsewhere: str) -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    world.reply(WHEP_OFFER.encode_reply(WhepAnswer(SDP, elsewhere)))
    world.media(*CONNECTED)
    world.disconnect()
    assert "DELETE" not in [out.request.method for out in world.outputs(o.Request)]
    world.finish()


def test_an_offer_is_not_sent_round_in_circles() -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    for _ in range(MAX_REDIRECTS + 1):
        world.reply(HttpReply(307, (("location", "/live/s/whep"),)))
    assert world.the(Connect).failure.status == 307
    world.finish()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (HttpReply(401), FailureKind.AUTH_REFUSED),
        (HttpReply(404), FailureKind.NOT_FOUND),
        (HttpReply(503), FailureKind.SERVER_BROKE),
        (HttpReply(201, (), b"no sdp"), FailureKind.MALFORMED),
        (None, FailureKind.UNREACHABLE),
    ],
)
def test_an_offer_that_is_refused(reply: HttpReply | None, why: FailureKind) -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    world.fail_request() if reply is None else world.reply(reply)
    assert (world.the(Connect).failure.kind, world.the(Connect).failure.phase) == (why, Phase.SPECTATE)
    assert world.spectator.status is S.FAILED
    assert isinstance(world.events[-1], e.ErrorHappened)
    # Nobody holds a place for it, so there is nothing to wait for.
    assert world.spectator.state is SpectatorState.GONE
    world.finish()


def answered(sdp: str) -> HttpReply:
    return HttpReply(201, (("content-type", "application/sdp"),), sdp.encode())


def test_an_answer_with_a_bad_line_is_taken_without_it() -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    outputs = world.reply(answered(SDP + "a=candidate:8 1 udp high 192.0.2.9 5000 typ host\r\n"))
    assert o.SetRemote(PEER, SdpKind.ANSWER, SDP) in outputs
    assert (world.events[-1].failure.code, world.events[-1].fatal) == ("answer.ignored", False)
    world.finish()


def test_a_place_is_given_back_though_the_answer_is_of_no_use() -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    world.reply(HttpReply(201, (("location", "/r1"),), b"nonsense"))
    assert world.the(Connect).failure.code == "reply.malformed"
    world.disconnect()
    assert (world.request.method, world.request.url) == ("DELETE", "https://media.example/r1")
    world.reply(HttpReply(200))
    world.finish()


def test_an_answer_with_a_section_that_is_none_is_the_reason() -> None:
    world = spectator_reached(SpectatorSituation.POSTING)
    world.reply(answered(SDP + "m=video\r\n"))
    failure = world.the(Connect).failure
    assert (failure.kind, failure.code) == (FailureKind.MALFORMED, "answer.malformed")
    world.finish()
