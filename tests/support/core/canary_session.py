"""A session with a canary in every place where a secret can travel, and its export."""

import base64
import json
from typing import Any
from urllib.parse import quote

from core.traced_sessions import PICTURE
from odyssey_proto.client.client import Client
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.token import sign
from odyssey_proto.seam.commands import Call, Command, CommandId, Connect, Interact, StartStream
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
from odyssey_proto.testing.by_hand import connecting
from odyssey_proto.trace import Header, Recorder, Trace, TraceBuffer, lines
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.policy import Redaction
from odyssey_proto.trace.redaction.redactor import redacted

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
