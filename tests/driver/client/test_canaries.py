"""
A canary in every place through which a secret can pass, and a search in everything that is shown.

Shown is: what is logged at any level, what `repr` says of any object on the way, what an error says
in any form, what an error is pickled to, and what a trace is exported to.
"""

import base64
import gc
import json
import logging
import pickle
import re
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from inmemory import World, broken

from odyssey import Odyssey, OdysseyError
from odyssey_anyio.local.service import serve
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.token import sign
from odyssey_proto.model.ice import IceServer
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import PeerState
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.trace import lines

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]

KEY = "ody_canary/key+1234"
ACCESS = "canary-access-token"
JWT = sign({"session_id": "s-1", "exp": 4_000_000_000}, b"canary")
USER, CREDENTIAL = "1700000000:canary-user", "canary-credential/=="
SPECTATOR = "canary-spectator-token"
PRESIGNED = "canary-presigned-signature"
PASSWORD = "canary-ice-password-22-long"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\na=group:BUNDLE 0 1\r\na=setup:actpass\r\n"
    f"a=ice-ufrag:cnry\r\na=ice-pwd:{PASSWORD}\r\na=fingerprint:sha-256 {':'.join(['CA'] * 32)}\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:97 VP8/90000\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\na=sctp-port:5000\r\n"
)
SECRETS = (KEY, ACCESS, JWT, JWT.rpartition(".")[2], USER, CREDENTIAL, SPECTATOR, PRESIGNED, PASSWORD)
FORMS = tuple(
    dict.fromkeys(
        form
        for secret in SECRETS
        for form in (
            secret,
            quote(secret, safe=""),
            json.dumps(secret)[1:-1],
            base64.b64encode(secret.encode()).decode(),
        )
    )
)

REPLIES: dict[str, HttpReply] = {
    "/auth/token": json_reply({"access_token": ACCESS, "expires_in": 3600}),
    "/sessions/token": json_reply({"session_token": JWT, "expires_in": 600}),
    "/config": json_reply(
        {
            "iceServers": [
                {"urls": "turn:turn.canary.example:3478", "username": USER, "credential": CREDENTIAL}
            ]
        }
    ),
    "/recordings/r-1": json_reply(
        {"stream_id": "r-1", "video_url": f"https://files.example/v.mp4?X-Amz-Signature={PRESIGNED}"}
    ),
}


def canaries_in(text: str) -> list[str]:
    """Returns the canaries in a text."""
    return [form for form in FORMS if form in text]


class Log(logging.Handler):
    """Everything that is logged, by whomever, at whatever level."""

    def __init__(self) -> None:
        super().__init__(0)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {record.args!r} {record.__dict__!r}")


@pytest.fixture
async def log() -> AsyncIterator[Log]:
    handler, root = Log(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def client(make: Callable[..., Odyssey], world: World) -> Odyssey:
    world.replies.update(REPLIES)
    world.silent.add("offer")
    return make(api_key=KEY, debug=True)


async def connected(client: Odyssey, world: World) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(client.connect)
        with anyio.fail_after(10):
            while world.socket is None:
                await anyio.sleep(0.001)
        world.signals(signaling.Offer(SDP))


def shown(error: BaseException) -> str:
    """Returns everything that an error shows, also to a tool that looks at its attributes."""
    parts = [str(error), repr(error), "".join(traceback.format_exception(error)), repr(vars(error))]
    parts.append("".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()))
    parts += [str(getattr(error, name)) for name in ("code", "hint", "phase", "missing", "detail", "failure")]
    parts.append(repr(pickle.dumps(error)))
    parts.append(pickle.dumps(error).decode("latin-1"))
    return "\n".join(parts)


async def everything(client: Odyssey, world: World) -> list[OdysseyError]:
    """Goes through a session and meets every kind of failure; returns the errors."""
    errors: list[OdysseyError] = []

    async def fails(call: Callable[[], Any]) -> None:
        with pytest.raises(OdysseyError) as caught:
            await call()
        errors.append(caught.value)

    await connected(client, world)
    await client.start_stream("A cat", broadcast=True)
    world.says(stream.BroadcastReady("https://watch.example/live", Secret(SPECTATOR), None))
    await client.get_recording("r-1")
    echo = json_reply({"detail": "it broke"}, 500)
    for path, reply in (
        ("/recordings/r-2", echo),
        ("/recordings/r-3", broken()),
        ("/recordings/r-4", ValueError(KEY)),
    ):
        world.replies[path] = reply
        await fails(partial(client.get_recording, path.rpartition("/")[2]))
    world.silent.add("Update")
    async with anyio.create_task_group() as group:
        group.start_soon(fails, lambda: client.interact("Pet it"))
        await anyio.wait_all_tasks_blocked()
        assert world.engine is not None
        world.engine.move(PeerState.FAILED)
    await client.disconnect()
    world.replies["/auth/token"] = json_reply({"detail": "no"}, 401)
    return errors


async def test_nothing_is_logged_at_any_level(client: Odyssey, world: World, log: Log) -> None:
    await everything(client, world)
    assert any("odyssey" in line for line in log.lines)
    assert canaries_in("\n".join(log.lines)) == []


async def test_no_error_shows_anything(client: Odyssey, world: World) -> None:
    errors = await everything(client, world)
    assert len(errors) == 4
    for error in errors:
        assert error.trace is not None
        text = shown(error)
        frames = [
            line for line in text.split("\n") if not line.lstrip().startswith(("KEY", "REPLIES", "SECRETS"))
        ]
        assert canaries_in("\n".join(frames)) == []


async def test_no_repr_of_anything_on_the_way_shows_anything(client: Odyssey, world: World) -> None:
    await everything(client, world)
    ours = ("odyssey", "odyssey_anyio", "odyssey_proto")
    reprs = [
        repr(each)
        for each in gc.get_objects()
        if str(type(each).__module__).partition(".")[0] in ours and not isinstance(each, type)
    ]
    assert len(reprs) > 100
    trace = client.trace
    assert trace is not None
    reprs += [repr(part) for step in trace.raw.steps for part in (step, step.inp, *step.outputs)]
    assert canaries_in("\n".join(reprs)) == []


async def test_no_exported_trace_tells_anything(client: Odyssey, world: World, tmp_path: Path) -> None:
    await everything(client, world)
    path = await client.save_trace(tmp_path / "trace.jsonl")
    text = path.read_text(encoding="utf-8")
    assert canaries_in(text) == []
    assert "canary" not in text
    assert "CA:CA" not in text
    assert JWT.split(".")[1] in text, "the claims of a token stay readable"


async def test_what_the_service_echoes_is_not_shown(client: Odyssey, world: World, log: Log) -> None:
    world.replies["/auth/token"] = json_reply({"detail": f"the key {KEY} is unknown"}, 401)
    with pytest.raises(OdysseyError) as caught:
        await client.connect()
    assert canaries_in(shown(caught.value)) == []
    await client.disconnect()
    world.replies["/auth/token"] = REPLIES["/auth/token"]
    world.replies["/regions"] = json_reply({"detail": ACCESS}, 500)
    world.replies["/sessions/request"] = json_reply({"detail": f"the token {ACCESS} is too old"}, 400)
    with pytest.raises(OdysseyError) as caught:
        await client.connect()
    assert canaries_in(shown(caught.value)) == []
    await client.disconnect()
    world.replies["/sessions/request"] = json_reply(
        {"session": SPECTATOR, "signalling": f"wss://{PRESIGNED}"}
    )
    with pytest.raises(OdysseyError) as caught:
        await client.connect()
    assert caught.value.code == "reply.malformed"
    assert canaries_in(shown(caught.value)) == []
    await client.disconnect()
    assert canaries_in("\n".join(log.lines)) == []


async def test_nothing_is_logged_of_a_session_with_real_media(log: Log) -> None:
    server = IceServer(("turn:127.0.0.1:9?transport=udp",), Secret(USER), Secret(CREDENTIAL))
    config = ServiceConfig(keys=(KEY,), ice_servers=(server,))
    async with serve(config) as service, Odyssey(KEY, api_url=service.url) as client:
        await client.connect()
        async with client.stream("A cat", broadcast=True) as live:
            async for _ in live.frames():
                break
        trace = client.trace
        assert trace is not None
        written = "\n".join(lines(trace.raw))
    secrets = set(re.findall(r"(?:ice-pwd:|[a-z]_token\W+)([\w./+-]{20,})", written))
    assert len(secrets) >= 4
    logged = "\n".join(log.lines)
    assert not any("aioice" in line or "aiortc" in line for line in log.lines)
    assert canaries_in(logged) == []
    assert [secret for secret in secrets if secret in logged] == []


def test_the_search_finds_what_is_there() -> None:
    assert canaries_in(f"x{KEY}y") == [KEY]
    assert canaries_in(quote(KEY, safe="")) == [quote(KEY, safe="")]
    assert sys.version_info >= (3, 12)
