"""What leaves the house: no secret, no address, no name of a host, and still a trace that holds."""

import base64
import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from attrs import evolve
from core.traced_sessions import PICTURE, SETTINGS, giving, recorded
from house.fuzz import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.simulations import SimulationRequest
from odyssey_proto.messages.token import claims, sign
from odyssey_proto.model.credentials import ClientCredentials, session_id_of
from odyssey_proto.model.ice import IceServer
from odyssey_proto.seam.commands import (
    Call,
    Command,
    CommandId,
    Connect,
    ConnectWith,
    EndStream,
    Interact,
    StartStream,
)
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import (
    ChannelText,
    ExchangeFailed,
    ExchangeId,
    LocalDescription,
    PeerId,
    Replied,
    SdpKind,
    SocketId,
    SocketText,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.testing.actions import Action, perform
from odyssey_proto.testing.by_hand import SETTINGS as BY_HAND
from odyssey_proto.testing.by_hand import connecting
from odyssey_proto.testing.situations import Situation, reached
from odyssey_proto.testing.strategies.clients import actions, scripts, situations
from odyssey_proto.trace import Header, Recorder, ServiceSettings, Trace, TraceBuffer, difference, lines, read
from odyssey_proto.trace.behaviour import BEHAVIOUR
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.policy import Images, Prompts, Redaction
from odyssey_proto.trace.redaction import leaks
from odyssey_proto.trace.redaction.redactor import RedactionError, redacted, same_way
from odyssey_proto.trace.redaction.texts import Texts
from odyssey_proto.trace.values import Step

KEY = "ody_canary/key+plus=1234"
ACCESS = "access-canary-token"
USER, CREDENTIAL = "1700000000:turn-canary-user", "turn-canary/credential=="
SPECTATOR = "spectator-canary-token"
SIGNATURE = "X-Amz-Signature=presigned-canary-signature"
UFRAG, PASSWORD = "uFrG", "ice-canary-password-22ch"
FINGERPRINT = ":".join(f"{byte:02X}" for byte in range(0xC0, 0xE0))
HOSTS = (
    "canary-api.example.com",
    "sig.canary.example.com",
    "turn.canary.example.com",
    "files.canary.example.com",
)
ADDRESSES = ("203.0.200.17", "2a02:8108:1:2::17", "10.11.12.13")
MDNS = "c0ffee00-1111-2222-3333-444455556666.local"
JWT = sign({"session_id": "session-7", "iss": f"https://{HOSTS[1]}", "ip": ADDRESSES[2]}, b"key")
SDP = (
    f"v=0\r\no=- 1 1 IN IP4 {ADDRESSES[2]}\r\nc=IN IP4 {ADDRESSES[0]}\r\na=group:BUNDLE 0 1\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:0\r\na=rtcp-mux\r\na=setup:actpass\r\na=rtpmap:97 VP8/90000\r\n"
    f"a=ice-ufrag:{UFRAG}\r\na=ice-pwd:{PASSWORD}\r\na=fingerprint:sha-256 {FINGERPRINT}\r\n"
    f"a=candidate:1 1 udp 1 {ADDRESSES[1]} 9 typ srflx raddr {ADDRESSES[2]} rport 9\r\n"
    "a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=ssrc-group:FID 3622639513 376125193\r\na=ssrc:3622639513 cname:canary-source\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\na=sctp-port:5000\r\n"
    "a=max-message-size:262144\r\n"
)
CANARIES = (
    KEY,
    ACCESS,
    USER,
    CREDENTIAL,
    SPECTATOR,
    "presigned-canary-signature",
    PASSWORD,
    FINGERPRINT,
    *HOSTS,
    *ADDRESSES,
    MDNS,
    JWT.rpartition(".")[2],
    "canary",
)

REPLIES: dict[str, HttpReply] = {
    "/auth/token": json_reply({"access_token": ACCESS, "expires_in": 3600}),
    "/regions": json_reply({"regions": [{"id": "here", "ping_url": f"https://{ADDRESSES[0]}:8443/ping"}]}),
    "/ping": HttpReply(200, (("set-cookie", "sid=cookie-canary-value"),), b"pong"),
    "/sessions/request": json_reply(
        {
            "session_id": "session-7",
            "signalling_url": f"wss://{HOSTS[1]}",
            "capabilities": {"image_to_video": True},
        }
    ),
    "/sessions/token": json_reply({"session_token": JWT, "expires_in": 600}),
    "/config": json_reply(
        {"iceServers": [{"urls": [f"turn:{HOSTS[2]}:3478"], "username": USER, "credential": CREDENTIAL}]}
    ),
    "/recordings/stream-1": json_reply(
        {"stream_id": "stream-1", "video_url": f"https://{HOSTS[3]}/v.mp4?{SIGNATURE}&Expires=1"}
    ),
}


def canary_session(prompt: str = "A canary cat") -> Trace:
    """Returns the recording of a session with a canary in every place where a secret can travel."""
    settings = Settings(api_url=f"https://{HOSTS[0]}", api_key=Secret(KEY), seed=b"seed")
    buffer = TraceBuffer(Header(settings, title=f"a trace of {KEY} at {HOSTS[0]}"))
    client = Recorder(Client(settings), buffer.after, buffer.before)
    waiting: list[Any] = []
    now = 0

    def step(inp: Any) -> None:
        nonlocal now
        now += 1000
        waiting.extend(client.step(Instant(now), inp))
        while waiting:
            output = waiting.pop(0)
            if type(output).__name__ == "Request":
                path = "/" + output.request.url.split("/", 3)[3]
                waiting.extend(client.step(Instant(now), Replied(output.exchange, REPLIES[path])))
            elif type(output).__name__ == "OpenSocket":
                opened(output.socket)

    def opened(socket: SocketId) -> None:
        from odyssey_proto.seam.inputs import SocketOpened

        waiting.extend(client.step(Instant(now), SocketOpened(socket)))
        waiting.extend(client.step(Instant(now), SocketText(socket, signaling.encode(signaling.Offer(SDP)))))
        candidate = f"candidate:2 1 udp 1 {MDNS} 9 typ host ufrag {UFRAG}"
        trickled = signaling.encode(signaling.IceCandidate(candidate, "0", 0))
        waiting.extend(client.step(Instant(now), SocketText(socket, trickled)))

    step(Command(CommandId(1), Connect()))
    step(LocalDescription(PeerId(1), SdpKind.ANSWER, SDP))
    for inp in up():
        step(inp)
    step(Command(CommandId(2), StartStream(prompt, image=PICTURE)))
    said = [
        stream.encode(stream.StreamStarted("stream-1", prompt + ", in the rain")),
        stream.encode(stream.BroadcastReady(f"https://{HOSTS[3]}/live/1", Secret(SPECTATOR), None)),
    ]
    for text in said:
        step(ChannelText(PeerId(1), "streamerToClient", text))
    step(Command(CommandId(3), Interact(prompt + " again")))
    step(
        ChannelText(
            PeerId(1), "streamerToClient", stream.encode(stream.UpdateAcknowledged(prompt + " indeed"))
        )
    )
    step(Command(CommandId(4), Call("recordings.get", "stream-1")))
    for text in odd_texts():
        step(ChannelText(PeerId(1), "streamerToClient", text))
        step(SocketText(SocketId(1), text))
    words = f"cannot reach {HOSTS[1]} ({ADDRESSES[0]}) with {quote(KEY, safe='')}"
    step(ExchangeFailed(ExchangeId(99), TransportError(TransportErrorKind.REFUSED, words)))
    return buffer.trace()


def odd_texts() -> list[str]:
    """What a server may say that is not of the protocol, with canaries in disguise."""
    packed = [base64.b64encode(b"x" * shift + KEY.encode()).decode() for shift in range(3)]
    return [
        json.dumps({"type": "news", "key": KEY, "path": quote(KEY, safe=""), "packed": packed}),
        json.dumps({"type": "nested", "inner": json.dumps({"again": CREDENTIAL, "at": ADDRESSES[0]})}),
        '{"type": "broken", "user": "' + USER + '", "at": "' + f"\\r\\n{ADDRESSES[0]}",
        f"Bearer {ACCESS} " + quote(JWT).replace(".", "%2e"),
        "".join(f"\\u{ord(char):04x}" for char in SPECTATOR),
        "".join(f"%{ord(char):02x}" for char in KEY),
    ]


def up() -> list[Any]:
    return list(connecting(PeerId(1))[1:])


def exported(trace: Trace, how: Redaction | None = None) -> str:
    return "\n".join(lines(redacted(trace, fresh, how)))


def test_no_canary_leaves_the_house() -> None:
    trace = canary_session()
    before = "\n".join(lines(trace))
    assert [canary for canary in CANARIES if canary not in before and canary != MDNS] == []
    text = exported(trace, Redaction(prompts=Prompts.HASH))
    assert [canary for canary in CANARIES if canary in text] == []
    for canary in CANARIES:
        for form in (
            quote(canary, safe=""),
            json.dumps(canary)[1:-1],
            base64.b64encode(canary.encode()).decode(),
        ):
            assert form.lower() not in text.lower()
    assert UFRAG not in text


def test_the_exported_trace_is_read_and_replays() -> None:
    shared = redacted(canary_session(), fresh)
    again = read(lines(shared))
    assert again == shared
    assert again.header.redacted
    assert difference(again, fresh) is None


def test_redacting_twice_changes_nothing() -> None:
    for how in (Redaction(), Redaction(prompts=Prompts.HASH), Redaction(prompts=Prompts.DROP)):
        once = redacted(canary_session(), fresh, how)
        assert redacted(once, fresh, how) == once


def test_equal_things_get_equal_pseudonyms_and_different_ones_different_ones() -> None:
    text = exported(canary_session())
    assert "h1x" in text
    assert "h2x" in text
    settings, asked, *_ = (json.loads(line) for line in (text.split("\n")[0], text.split("\n")[2]))
    key = settings["trace"]["settings"]["api_key"]["$secret"]
    assert [len(part) for part in key.split("/")] == [len(part) for part in KEY.split("/")]
    assert asked["data"]["outputs"][1]["request"]["body"]["value"] == {
        "$map": [["api_key", {"$secret": key}]]
    }
    assert text.count(key) >= 4
    assert "192.0.2.1" in text
    assert "2001:db8::" in text


def test_a_token_keeps_its_claims_and_loses_its_signature() -> None:
    shared = redacted(canary_session(), fresh)
    token = next(
        value.reveal()
        for step in shared.steps
        for output in step.outputs
        if type(output).__name__ == "OpenSocket"
        for _, value in output.query
    )
    assert session_id_of(token) == "session-7"
    said = claims(token)
    assert said["iss"].endswith(".test")
    assert [*said] == ["session_id", "iss", [*said][2]]
    assert list(said.values())[2].startswith("192.0.2.")
    assert len(token.rpartition(".")[2]) == len(JWT.rpartition(".")[2])


@pytest.mark.parametrize("prompts", Prompts)
@pytest.mark.parametrize("images", Images)
def test_prompts_and_images_are_kept_hashed_or_dropped(prompts: Prompts, images: Images) -> None:
    shared = redacted(recorded(), fresh, Redaction(prompts=prompts, images=images))
    text = "\n".join(lines(shared))
    assert ("A cat" in text) == (prompts is Prompts.KEEP)
    assert ("Pet the cat" in text) == (prompts is Prompts.KEEP)
    assert ("prompt" + "4" in text or '"promp' in text) == (
        prompts is not Prompts.KEEP
    ) or prompts is Prompts.KEEP
    assert PICTURE[60:200] not in text
    assert ("<blob 9600 -" in text) == (images is Images.DROP)


def test_equal_prompts_stay_equal_when_hashed() -> None:
    script = giving(
        [Connect(), StartStream("A cat on a sofa"), Interact("Feed it now"), Interact("Feed it now")]
    )
    shared = redacted(recorded(script), fresh, Redaction(prompts="hash"))
    said = [
        step.inp.what.prompt for step in shared.steps if isinstance(getattr(step.inp, "what", None), Interact)
    ]
    assert len(said) == 2
    assert len(set(said)) == 1
    assert said[0].startswith("prompt")
    assert len(said[0]) == len("Feed it now")


def test_credentials_of_a_guest_are_secrets_too() -> None:
    trace = recorded(giving([ConnectWith(ClientCredentials(f"wss://{HOSTS[1]}", JWT))]))
    text = exported(trace)
    assert JWT.rpartition(".")[2] not in text
    assert HOSTS[1] not in text


def test_a_user_whose_name_is_a_word_of_ours_keeps_nothing_from_being_exported() -> None:
    server = IceServer(("turn:turn.example.org",), Secret("streamer"), Secret(CREDENTIAL))
    trace = recorded(config=ServiceConfig(ice_servers=(server,)))
    text = exported(trace)
    assert '\\"username\\":\\"streamer' not in text
    assert '\\"username\\":\\"' in text
    assert "Connecting to the streamer" in text
    assert "turn.example.org" not in text


def test_a_text_that_is_no_utf8_is_not_shown() -> None:
    buffer = TraceBuffer(Header(SETTINGS))
    client = Recorder(Client(SETTINGS), buffer.after, buffer.before)
    with pytest.raises(LocalProtocolError):
        client.step(Instant(0), Command(CommandId(1), Call("recordings.get", f"{KEY} \ud800")))
    (step,) = redacted(buffer.trace(), fresh).steps
    closed = step.inp.what.params
    assert (len(closed), closed[-2:]) == (len(KEY) + 2, " \ud800")
    assert "canary" not in closed


def test_a_service_is_not_exported() -> None:
    with pytest.raises(RedactionError, match="record its clients"):
        redacted(Trace(Header(ServiceSettings())), fresh)


def test_a_trace_that_does_not_replay_is_not_exported() -> None:
    trace = recorded()
    odd = evolve(trace, steps=(evolve(trace.steps[0], outputs=()), *trace.steps[1:]))
    with pytest.raises(RedactionError, match="step 0 went another way") as caught:
        redacted(odd, fresh)
    assert caught.value.difference is not None


def test_what_has_no_place_in_a_trace_is_not_exported() -> None:
    buffer = TraceBuffer(Header(SETTINGS))
    client = Recorder(Client(SETTINGS), buffer.after, buffer.before)
    with pytest.raises(LocalProtocolError):
        client.step(Instant(0), Command(CommandId(1), Call("recordings.get", object())))
    with pytest.raises(RedactionError, match="has no place in a trace"):
        redacted(buffer.trace(), fresh)


def test_an_export_that_would_hold_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Texts, "words", lambda self, text, **how: text)
    with pytest.raises(RedactionError, match="the export would hold a secret in line") as caught:
        redacted(canary_session(), fresh)
    assert "canary" not in str(caught.value)


def test_an_export_whose_replay_goes_another_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Texts, "name", lambda self, name: self.words(name, secret=True))
    with pytest.raises(RedactionError, match="step 1 went another way") as caught:
        redacted(canary_session(), fresh)
    assert caught.value.difference is not None
    assert "canary" not in repr(caught.value.difference) + caught.value.difference.text


def moved_on(trace: Trace, at: int, **changes: Any) -> Trace:
    """Returns the trace of another version of the core, which took one step otherwise."""
    steps = [evolve(step, **changes) if index == at else step for index, step in enumerate(trace.steps)]
    return evolve(trace, header=evolve(trace.header, behaviour=BEHAVIOUR + 1), steps=tuple(steps))


def test_an_export_of_another_version_stays_as_it_is_or_is_refused() -> None:
    trace = moved_on(redacted(recorded(), fresh), 0, deadline=None)
    assert redacted(trace, fresh) == trace
    with pytest.raises(RedactionError, match="of another version of the core, which alone can redact it"):
        redacted(trace, fresh, Redaction(prompts="hash"))
    with pytest.raises(RedactionError, match="of another version of the core, which alone can redact it"):
        redacted(moved_on(recorded(), 0, deadline=None), fresh)


def test_a_trace_of_another_version_that_does_not_hold_is_refused() -> None:
    trace = moved_on(canary_session(), 0, outputs=())
    with pytest.raises(RedactionError, match="the application saw 1 things again") as caught:
        redacted(trace, fresh)
    found = caught.value.difference
    assert found is not None
    assert "canary" not in repr(found) + found.text


@pytest.mark.parametrize(
    ("new", "old", "same"),
    [
        ("a", "bc", True),
        ("a", "", False),
        ("a", b"a", False),
        (1, 2, False),
        (12345678, 87654321, True),
        (True, False, False),
        (Prompts.KEEP, Prompts.DROP, False),
        (Secret("a"), Secret("b"), True),
        (("a",), ("a", "b"), False),
        ({"a": 1}, {"b": 1}, True),
        ({"a": 1}, {"a": None}, False),
        (Interact("a"), Interact("b"), True),
        (Interact("a"), EndStream(), False),
    ],
)
def test_the_same_way_is_the_same_but_for_texts(new: Any, old: Any, same: bool) -> None:
    one, other = Step(Instant(0), None, (new,)), Step(Instant(0), None, (old,))
    assert same_way(one, other) is same_way(other, one) is same


def test_an_input_that_cannot_be_closed_is_not_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = recorded(
        giving([Call("simulations.create", SimulationRequest(script_url="https://a.example/s"))])
    )
    assert "a.example" not in exported(trace)
    monkeypatch.setattr(Texts, "text", lambda self, text, name="", *, secret=False: "x")
    with pytest.raises(RedactionError, match="SimulationRequest cannot be made of pseudonyms"):
        redacted(trace, fresh)


@pytest.mark.parametrize("prompts", Prompts)
def test_the_work_grows_with_the_trace_and_no_faster(
    prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = 0

    def counted(kind: Any, name: str) -> None:
        original = getattr(kind, name)

        def count(self: Any, text: str, *args: Any, **how: Any) -> Any:
            nonlocal work
            work += len(text)
            return original(self, text, *args, **how)

        monkeypatch.setattr(kind, name, count)

    counted(Texts, "text")
    counted(Texts, "words")
    counted(leaks._Search, "_holds")
    spent = []
    for prompt_count in (20, 40, 80):
        said = [
            Interact(f"Pet the cat {number} times with {number * 7919} feathers")
            for number in range(prompt_count)
        ]
        trace = recorded(giving([Connect(), StartStream("A cat"), *said, EndStream()]))
        work = 0
        redacted(trace, fresh, Redaction(prompts=prompts))
        spent.append(work)
    first, second = spent[1] - spent[0], spent[2] - spent[1]
    assert first > 0
    assert second <= 2.2 * first


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(situations, scripts(actions, 25), st.sampled_from(Prompts))
def test_whatever_happens_can_be_exported(
    situation: Situation, script: list[Action], prompts: Prompts
) -> None:
    world = reached(situation)
    for action in script:
        perform(world, action)
    world.finish()
    buffer = TraceBuffer(Header(BY_HAND))
    client = Recorder(Client(BY_HAND), buffer.after, buffer.before)
    for step in world.steps:
        client.step(step.at, step.input)
    text = exported(buffer.trace(), Redaction(prompts=prompts))
    assert "ody_laws" not in text
    assert "example" not in text.replace("https://h", "")


def steered(times: int) -> Trace:
    """A session with so many prompts, no two of which are the same."""
    prompts = (f"Pet the cat number {number}, {number * 7919} times and again" for number in range(times))
    return recorded(giving([Connect(), StartStream("A cat"), *map(Interact, prompts), EndStream()]))


def calls_of(work: Callable[[], object]) -> int:
    """Returns how many functions are called by something, which is the same each time."""
    count = 0

    def called(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("prompts", Prompts)
def test_a_session_of_twice_as_many_prompts_takes_twice_the_work(prompts: Prompts) -> None:
    traces = steered(20), steered(40), steered(80)
    how = Redaction(prompts=prompts)
    redacted(traces[0], fresh, how)
    few, more, most = (calls_of(partial(redacted, trace, fresh, how)) for trace in traces)
    assert most - more < 2.2 * (more - few)
