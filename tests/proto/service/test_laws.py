"""The laws of the house, held against a service that is asked for anything, in any order."""

import json
from typing import Any

from house.fuzz import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.machine import Deadline, Instant, Span, after, seconds
from odyssey_proto.messages import ENDPOINTS, signaling, stream
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam.http import ExchangeId, HttpRequest
from odyssey_proto.seam.inputs import (
    PeerId,
    PeerState,
    SdpKind,
    SocketId,
    TransportError,
    TransportErrorKind,
    Wake,
)
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.film import Scene
from odyssey_proto.service.io.seam import Asked, AskerGone, Show, SocketAsked
from odyssey_proto.service.service import Service
from odyssey_proto.testing.strategies.faults import session_plans
from tests.proto.service.service_by_hand import FROM_STREAMER, SDP, TO_STREAMER, ServiceByHand

SIGNALS = [
    signaling.encode(message)
    for message in (
        signaling.KeepAlive(),
        signaling.Answer(SDP),
        signaling.Answer("v=0"),
        IceCandidate("1 1 udp 1 127.0.0.1 9 typ host"),
        IceCandidate(""),
        stream.InteractiveStreamStart("A cat", image="data:image/png;base64,AAAA"),
        signaling.ClientDisconnecting(),
        signaling.Offer(SDP),
    )
] + ["{", '{"type": 3}', '{"type": "news"}']

STREAMS = [
    stream.encode(message)
    for message in (
        stream.InteractiveStreamStart("A cat"),
        stream.InteractiveStreamStart("A cat", bypass_prompt_expansion=True),
        stream.InteractiveStreamStart("forbidden"),
        stream.Update("Pet it"),
        stream.Update("forbidden"),
        stream.InteractiveStreamEnd(),
        stream.StreamEnded(),
    )
] + ["{", '{"type": "update"}']

PATHS = ["/auth/token", "/regions", "/sessions/request", "/sessions/token", "/config", "/telemetry", "/ping"]
PATHS += ["/recordings/r1", "/simulation-jobs", "/simulation-jobs/j1", "/nowhere", "", "*", "http://x/config"]
BODIES = [b"", b"{}", b"[]", b"{", b"\xff", b'{"api_key":"ody_a"}', b'{"session_id":"x"}', b'{"script":[]}']

small = st.integers(0, 5)
actions = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(["GET", "POST", "OPTIONS", "PUT"]), st.sampled_from(PATHS))
    .flatmap(lambda ask: st.tuples(st.just(ask), st.sampled_from(BODIES)))
    .map(lambda both: (*both[0], both[1])),
    st.tuples(st.just("join")),
    st.tuples(st.just("ready")),
    st.tuples(st.just("again"), small),
    st.tuples(st.just("signal"), small, st.sampled_from(SIGNALS)),
    st.tuples(st.just("stream"), small, st.sampled_from([TO_STREAMER, "other"]), st.sampled_from(STREAMS)),
    st.tuples(st.just("close"), small, st.sampled_from([1000, 1006])),
    st.tuples(st.just("media"), small, small, st.integers(0, 8)),
    st.tuples(st.just("wait"), st.integers(0, 50)),
    st.tuples(st.just("jump"), st.integers(0, 50)),
    st.tuples(st.just("past")),
)

news = st.one_of(
    st.tuples(st.just("signal"), small, st.sampled_from(SIGNALS)),
    st.tuples(st.just("stream"), small, st.just(TO_STREAMER), st.sampled_from(STREAMS)),
    st.tuples(st.just("close"), small, st.sampled_from([1000, 1006])),
    st.tuples(st.just("media"), small, small, st.integers(0, 8)),
)
"""What clients and media may do."""

CONFIG: dict[str, Any] = {"capacity": 4, "moderated": ["forbidden"], "connection_seconds": 300}


class World:
    """Carries out actions on a service, where they are possible, and keeps them for a second run."""

    def __init__(self, faults: list[Any]) -> None:
        self.config: dict[str, Any] = {"faults": faults, **CONFIG}
        self.guest = ServiceByHand(b"laws", 0, **self.config)
        self.steps: list[tuple[Instant, Any, tuple[Any, ...]]] = []
        self.deadlines: list[Deadline | None] = []
        step = self.guest.step

        def kept(inp: Any) -> list[Any]:
            outputs = step(inp)
            self.steps.append((self.guest.now, inp, tuple(outputs)))
            self.deadlines.append(self.guest.service.deadline)
            return outputs

        self.guest.step = kept  # type: ignore[method-assign]  # to see every step
        self.hosts: list[Any] = []

    def free(self) -> bool:
        self.guest.enter()
        reply = self.guest.reply("POST", "/sessions/request", {})
        if reply.status != 200:
            return False
        self.name = json.loads(reply.body)["session_id"]
        return True

    def join(self) -> None:
        if self.free():
            self.hosts.append(self.guest.knock(self.name, self.guest.token(self.name))[0])

    def perform(self, action: tuple[Any, ...]) -> None:
        guest = self.guest
        match action:
            case ("ask", method, path, body):
                guest.ask(method, path, body)
            case ("join",):
                self.join()
            case ("ready",):
                self.join()
                for peer in sorted(guest.peers)[-1:]:
                    self.perform(("media", -1, 0, 0))
                    self.perform(("signal", -1, SIGNALS[1]))
                    for number in (1, 2):
                        if peer in guest.peers:
                            guest.step(media(peer, number))
            case ("again", which) if self.hosts:
                client = guest.service._clients.get(pick(self.hosts, which))
                if client is not None:
                    self.hosts.append(guest.knock(client.session_id, guest.token(client.session_id))[0])
            case ("signal", which, text) if self.hosts:
                guest.step(i.SocketText(pick(self.hosts, which), text))
            case ("stream", which, label, text):
                guest.step(i.ChannelText(PeerId(which), label, text))
            case ("close", which, code) if self.hosts:
                guest.step(i.SocketClosed(pick(self.hosts, which), code))
            case ("media", which, _, number):
                peers = sorted(guest.peers)
                guest.step(media(pick(peers, which) if peers else PeerId(1), number))
            case ("wait", span):
                guest.wait(span)
            case ("jump", span):
                # Nobody wakes the service, so the next input meets timers that are overdue.
                guest.now = after(guest.now, seconds(span))
            case ("past",):
                now, guest.now = guest.now, Instant(0)
                outputs = guest.service.step(guest.now, Wake())
                guest.now = now
                assert outputs == [], "the past counts as the present"


def pick(names: list[Any], which: int) -> Any:
    return names[which % len(names)] if which >= 0 else names[-1]


def media(peer: PeerId, number: int) -> i.MediaInput:
    notices: list[i.MediaInput] = [
        i.LocalDescription(peer, SdpKind.OFFER, SDP),
        i.ChannelUp(peer, TO_STREAMER, 65536),
        i.ChannelUp(peer, FROM_STREAMER, 65536),
        i.PeerStateChanged(peer, PeerState.DISCONNECTED),
        i.PeerStateChanged(peer, PeerState.CONNECTED),
        i.ChannelDown(peer, FROM_STREAMER),
        i.PeerFailed(peer, TransportError(TransportErrorKind.INTERNAL)),
        i.TrackUp(peer, i.MediaKind.AUDIO),
        i.MediaSeen(peer, 1),
    ]
    return notices[number]


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(session_plans, st.lists(actions, max_size=40))
def test_whatever_is_asked_the_laws_hold(faults: list[Any], script: list[tuple[Any, ...]]) -> None:
    world = World(faults)
    for action in script:
        world.perform(action)
        assert len(world.guest.service._sessions._sessions) <= CONFIG["capacity"]
    world.guest.finish()
    assert world.guest.answered == world.guest.asked, "exactly one answer each"
    assert not world.guest.service._sessions._sessions, "every streamer is free in the end"


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(session_plans, st.lists(actions, max_size=30))
def test_equal_seeds_and_inputs_give_equal_outputs(faults: list[Any], script: list[tuple[Any, ...]]) -> None:
    world = World(faults)
    for action in script:
        world.perform(action)
    again = Service(ServiceConfig(**world.config), seed=b"laws")
    for now, inp, outputs in world.steps:
        assert tuple(again.step(now, inp)) == outputs


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(session_plans, st.lists(actions, max_size=30), st.integers(0, 2**36))
def test_the_past_is_the_present_and_more_wakes_change_nothing(
    faults: list[Any], script: list[tuple[Any, ...]], past: int
) -> None:
    world = World(faults)
    for action in script:
        world.perform(action)
    again = Service(ServiceConfig(**world.config), seed=b"laws")
    for (now, inp, outputs), deadline in zip(world.steps, world.deadlines, strict=True):
        given_as = now
        if again.deadline is None or again.deadline.at > now:
            assert again.step(now, Wake()) == []
            given_as = Instant(min(past, now))
        assert tuple(again.step(given_as, inp)) == outputs
        assert again.deadline == deadline


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(session_plans, st.lists(actions, max_size=15), news, st.integers(0, 40_000_000))
def test_what_arrives_comes_before_the_timers_that_are_due(
    faults: list[Any], script: list[tuple[Any, ...]], arrival: tuple[Any, ...], late: int
) -> None:
    in_time, overdue = World(faults), World(faults)
    for world in (in_time, overdue):
        for action in [("ready",), *script]:
            world.perform(action)
    deadline = overdue.guest.service.deadline
    assume(deadline is not None and deadline.at > overdue.guest.now)
    assert deadline is not None
    overdue.guest.now = after(deadline.at, Span(late))
    steps = len(in_time.steps)
    in_time.perform(arrival)
    overdue.perform(arrival)
    assume(len(in_time.steps) > steps)
    first, both = in_time.steps[steps][2], overdue.steps[steps][2]
    assert both[: len(first)] == first
    overdue.guest.finish()


def test_other_seeds_give_other_tokens_and_ids() -> None:
    said = {ServiceByHand(seed).enter().body for seed in (b"", b"a", b"b")}
    assert len(said) == 3


names = st.integers(1, 3)
texts = st.one_of(st.text(max_size=50), st.sampled_from(SIGNALS + STREAMS))
requests = st.builds(
    HttpRequest,
    st.sampled_from(["GET", "POST", "DELETE", "OPTIONS", "HEAD", ""]),
    st.one_of(st.text(max_size=30), st.sampled_from(PATHS), st.text(max_size=9).map("/client/".__add__)),
    st.lists(st.tuples(st.sampled_from(["token", "limit", ""]), st.text(max_size=20)), max_size=2).map(tuple),
    st.lists(
        st.tuples(st.sampled_from(["authorization", "host", "content-type"]), st.text(max_size=20)),
        max_size=3,
    ).map(tuple),
    st.one_of(st.binary(max_size=50), st.sampled_from(BODIES)),
)
peers = names.map(PeerId)
labels = st.sampled_from([TO_STREAMER, FROM_STREAMER, ""])
anything = st.one_of(
    st.just(Wake()),
    st.builds(Asked, st.integers(1, 10**6).map(ExchangeId), requests),
    st.builds(AskerGone, names.map(ExchangeId)),
    st.builds(SocketAsked, names.map(SocketId), requests),
    st.builds(i.SocketText, names.map(SocketId), texts),
    st.builds(i.SocketClosed, names.map(SocketId), st.integers(0, 9999), st.text(max_size=9)),
    st.builds(i.LocalDescription, peers, st.sampled_from(SdpKind), texts),
    st.builds(i.PeerStateChanged, peers, st.sampled_from(PeerState)),
    st.builds(i.TrackUp, peers, st.sampled_from(i.MediaKind)),
    st.builds(i.TrackDown, peers, st.sampled_from(i.MediaKind)),
    st.builds(i.ChannelUp, peers, labels, st.integers(0, 10**6)),
    st.builds(i.ChannelText, peers, labels, texts),
    st.builds(i.ChannelDown, peers, labels),
    st.builds(i.MediaSeen, peers, st.integers(0, 10)),
    st.builds(
        i.PeerFailed,
        peers,
        st.builds(TransportError, st.sampled_from(TransportErrorKind), st.text(max_size=9)),
    ),
)


@settings(max_examples=examples(200), deadline=None)
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 60_000_000), anything), max_size=30))
def test_random_inputs_never_raise(begun: bool, script: list[tuple[int, Any]]) -> None:
    guest = ServiceByHand()
    if begun:
        guest.ready()
    for span, inp in script:
        now = Instant(guest.now + span)
        outputs = guest.service.step(now, inp)
        guest.now = now
        deadline = guest.service.deadline
        assert deadline is None or deadline.at > now
        answers = [output for output in outputs if type(output).__name__ == "Answer"]
        assert len(answers) == isinstance(inp, Asked)


def test_every_endpoint_has_an_answer() -> None:
    guest = ServiceByHand()
    guest.enter()
    for endpoint in ENDPOINTS.values():
        assert guest.ask("GET", getattr(endpoint, "path", "/").replace("{}", "x")) is not None


def test_what_is_shown_is_said_to_whom() -> None:
    host = ServiceByHand().ready()
    outputs = host.streams(stream.InteractiveStreamStart("A cat"))
    assert isinstance(outputs[0], Show)
    assert isinstance(outputs[0].scene, Scene)
