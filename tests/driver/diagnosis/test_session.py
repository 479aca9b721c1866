"""A diagnosis of the local service with each of its faults: the right check, with the right verdict."""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
from attrs import evolve

from odyssey import AdvancedConfig, IcePolicy, Odyssey, OdysseyValueError, Timeouts, diagnose
from odyssey.diagnosis import doctor
from odyssey.diagnosis.checks import Check, CheckName, CheckState, Diagnosis
from odyssey.diagnosis.media_checks import server_checks
from odyssey.diagnosis.reading import lost
from odyssey_anyio.local import listener
from odyssey_anyio.local.service import in_thread, serve
from odyssey_anyio.media.engine import Engine
from odyssey_anyio.media.server_probes import ServerAnswer
from odyssey_anyio.media.servers import UNANSWERED, Server
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.address import Region
from odyssey_proto.model.ice import IceServer
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.outputs import AddCandidate, MediaOutput, SetRemote
from odyssey_proto.service.io import faults as f
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio

KEY = "ody_canary_of_a_key"
ONCE = AdvancedConfig(max_retries=0)


async def diagnosed(config: ServiceConfig | None = None, key: str = KEY, **options: Any) -> Diagnosis:
    """Returns a diagnosis of a local service."""
    async with serve(config) as service:
        with anyio.fail_after(30):
            return await diagnose(key, api_url=service.url, advanced=ONCE, **options)


async def test_all_is_well(tmp_path: Path) -> None:
    found = await diagnosed()
    assert found.ok, str(found)
    tried = {check.name.value for check in found.checks if check.state is CheckState.OK}
    assert {"DNS", "TCP", "HTTP", "API key", "regions", "queue", "session token"} <= tried
    assert {"ICE configuration", "signaling", "STUN", "media connection"} <= tried
    assert {"stream", "first frame", "interact"} <= tried
    assert found["media connection"].facts["candidate pair"] == "host and host"
    assert "jitter ms" in found["frames"].facts
    assert KEY not in f"{found}{found!r}{json.dumps(found.to_dict())}"
    assert found.trace is not None
    path = await anyio.to_thread.run_sync(found.trace.save, tmp_path / "doctor.trace")
    assert KEY not in path.read_text()


async def test_it_may_stop_once_it_is_connected() -> None:
    found = await diagnosed(stream=False)
    assert found.ok
    assert [found[name].state for name in ("media connection", "stream", "frames")] == [
        "ok",
        "not tried",
        "not tried",
    ]


async def test_one_that_is_cancelled_gives_its_session_back() -> None:
    async with serve(ServiceConfig(capacity=1)) as service:
        with anyio.CancelScope() as scope:

            class Cancelling(Engine):
                def frames(self, *of: Any) -> Any:
                    scope.cancel()
                    return super().frames(*of)

            await diagnose(KEY, api_url=service.url, media=Cancelling)
        assert scope.cancelled_caught
        assert (await diagnose(KEY, api_url=service.url, stream=False)).ok


async def test_an_ice_server_of_ones_own_that_is_none() -> None:
    found = await diagnosed(stream=False, ice=IcePolicy(extra_servers=("stun:[",)))
    assert found.cause is found["media connection"], str(found)
    assert "unusable" in found.verdict


async def test_settings_that_make_no_sense_are_raised() -> None:
    with pytest.raises(OdysseyValueError, match="api_url"):
        await diagnose(KEY, api_url="nowhere")


def refuse(path: str, status: int, **times: int) -> f.Refuse:
    return f.Refuse(path, HttpReply(status), **times)


LIMIT = json_reply(
    {
        "error": "MONTHLY_LIMIT_REACHED",
        "code": "MONTHLY_LIMIT_REACHED",
        "message": "Used up",
        "action": "Upgrade",
        "action_url": "https://odyssey.example/plans",
    },
    402,
)


@pytest.mark.parametrize(
    ("config", "check", "verdict"),
    [
        ({"keys": ["ody_other"]}, "API key", "does not know this API key"),
        ({"suspended_keys": [KEY]}, "API key", "may not use the service"),
        ({"faults": [f.Refuse("/auth/token", HttpReply(200, (), b"<html>"))]}, "HTTP", "makes no sense"),
        ({"concurrent": 0}, "queue", "as many sessions as it may have"),
        ({"faults": [f.Refuse("/sessions/request", LIMIT)]}, "queue", "hours of this month are used up"),
        ({"faults": [f.RefuseSocket(403)]}, "signaling", "may not do this"),
        ({"faults": [f.RefuseSocket(503)]}, "signaling", "down for the moment"),
        ({"faults": [f.SignalError(f.Moment.OPEN, "streamer_not_available")]}, "media connection", "not run"),
        ({"faults": [f.Close(f.Moment.OPEN, 1011)]}, "signaling", "closed the signaling connection"),
        ({"faults": [f.Cut(f.Moment.UPDATE)]}, "signaling", "closed the connection early"),
        ({"faults": [f.FailStream(f.Moment.START, "lease_denied")]}, "stream", "refuses for the moment"),
        ({"faults": [f.FailStream(f.Moment.START, "quota_exceeded")]}, "stream", "hours of this month"),
        ({"moderated": ["cat"]}, "stream", "the prompt or the image was refused"),
        ({"faults": [f.DropMedia(f.Moment.UPDATE)]}, "media connection", "the streamer closed"),
    ],
)
async def test_a_fault_of_the_service(config: dict[str, Any], check: str, verdict: str) -> None:
    await found_out(ServiceConfig(**config), Timeouts(), check, verdict)


LOST = "it came up, and was lost later: "


@pytest.mark.parametrize(
    ("fault", "check", "verdicts"),
    [
        # The streamer ends its video and its channels at once: what is seen first is the reason.
        (
            f.DropMedia(f.Moment.UPDATE),
            "media connection",
            ["the streamer closed a data channel", "the streamer ended its video"],
        ),
        (f.Cut(f.Moment.UPDATE), "signaling", ["the other side closed the connection early"]),
    ],
)
async def test_what_came_up_and_was_lost_later_is_said_so(
    fault: Any, check: str, verdicts: list[str]
) -> None:
    """No check that comes after it contradicts it: each says what happened, and not what is still so."""
    found = await diagnosed(ServiceConfig(faults=[fault]))
    assert found.verdict in [f"{check}: {LOST}{verdict}." for verdict in verdicts]
    assert found[check].facts["came up after ms"] > 0
    came = {name.value: found[name].verdict for name in CheckName if found[name].state is CheckState.OK}
    words = {
        "signaling": "the WebSocket opened",
        "media connection": "video and both data channels came up, directly",
        "stream": "it started",
        "first frame": "a picture came",
    }
    before = {name: text for name, text in came.items() if name in words}
    assert before == {name: words[name] for name in before}
    assert before


async def test_a_session_that_is_lost_before_there_is_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream is refused then, and that is no reason of its own."""
    with ExitStack() as running:
        service = await anyio.to_thread.run_sync(running.enter_context, in_thread(serve()))

        class Lost(Odyssey):
            async def connect(self, **options: Any) -> None:
                await super().connect(**options)
                await anyio.to_thread.run_sync(running.close)
                while self.is_connected:
                    await anyio.sleep(0.005)

        monkeypatch.setattr(doctor, "Odyssey", Lost)
        found = await diagnose(KEY, api_url=service.url)
    assert found.verdict == f"signaling: {LOST}the service closed the signaling connection."
    assert found["media connection"].state == "ok"
    assert found["stream"].state == "not tried"


async def test_a_server_that_does_not_answer_is_not_why_media_were_lost_later() -> None:
    failure = Failure(FailureKind.MEDIA_FAILED, "the media connection failed", code="media.failed")
    server = Server("stun:192.0.2.1", "stun", "192.0.2.1", 3478, "udp", False, None, None)
    silent = [ServerAnswer(server, 1.0, UNANSWERED)]
    up = {CheckName.MEDIA: Check(CheckName.MEDIA, CheckState.OK, "came up", 0.2)}
    for found, state in (({}, CheckState.FAILED), (up, CheckState.WARNING)):
        assert [check.state for check in server_checks(silent, lost(failure, found))] == [state]


@pytest.mark.parametrize(
    ("config", "timeouts", "check", "verdict"),
    [
        ({"faults": [f.Silent("/auth/token")]}, {"authenticate": 1}, "HTTP", "an access token in time"),
        ({"capacity": 0}, {"queue": 0.1}, "queue", "no streamer became free in time"),
        (
            {"faults": [f.Silent("/sessions/token")]},
            {"prepare": 0.2},
            "session token",
            "not prepared in time",
        ),
        ({"faults": [f.NoOffer()]}, {"negotiate": 0.2}, "media connection", "sent no offer"),
        ({"faults": [f.Swallow(f.Moment.START)]}, {"start": 0.2}, "stream", "did not start the stream"),
        ({"faults": [f.Swallow(f.Moment.UPDATE)]}, {"interact": 0.2}, "interact", "did not answer a prompt"),
    ],
)
async def test_what_the_service_never_answers(
    config: dict[str, Any], timeouts: dict[str, float], check: str, verdict: str
) -> None:
    await found_out(ServiceConfig(**config), Timeouts(**timeouts), check, verdict)


async def found_out(config: ServiceConfig, timeouts: Timeouts, check: str, verdict: str) -> None:
    """Diagnoses a service, and checks what was found to be the cause."""
    found = await diagnosed(config, timeouts=timeouts)
    assert not found.ok
    assert found.cause is found[check], str(found)
    assert verdict in found.cause.verdict
    assert found.cause.advice
    assert KEY not in f"{found}{found.to_dict()}"


async def test_no_key() -> None:
    found = await diagnosed(key="")
    assert found.verdict == "API key: no API key was given."
    assert "ODYSSEY_API_KEY" in found["API key"].advice


@pytest.mark.parametrize(("hours", "way"), [(1, "behind"), (-1, "ahead of")])
async def test_a_clock_that_is_off_by_an_hour(hours: int, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    monkeypatch.setattr(listener, "formatdate", lambda usegmt: date)
    found = await diagnosed(stream=False)
    assert found.ok
    assert found.cause is found["clock"]
    assert abs(abs(found["clock"].facts["seconds ahead"]) - 3600) < 60
    assert f"s {way} that of the service" in found.verdict


async def test_a_clock_that_is_right() -> None:
    found = await diagnosed(stream=False)
    assert found["clock"].state == "ok"


async def test_a_service_that_does_not_say_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "formatdate", lambda usegmt: "soon")
    found = await diagnosed(stream=False)
    assert found["clock"].state == "not tried"


async def test_regions_and_their_latencies() -> None:
    async with serve() as near:
        regions = (Region("near", f"{near.url}/config"), Region("gone", "http://127.0.0.1:9/"))
        found = await diagnosed(ServiceConfig(regions=regions), stream=False)
        assert found["regions"].verdict.startswith("the nearest is near, at ")
        assert list(found["regions"].facts) == ["near ms"]
        found = await diagnosed(ServiceConfig(regions=regions[1:]), stream=False)
    assert found["regions"].verdict == "none of 1 region answered in time"
    assert (found.ok, found["regions"].state) == (True, "warning")


async def test_regions_that_cannot_be_listed() -> None:
    found = await diagnosed(ServiceConfig(faults=[refuse("/regions", 500, times=9)]), stream=False)
    assert (found.ok, found["regions"].state) == (True, "warning")
    assert found["regions"].verdict == "the service failed"


async def test_no_ice_servers_are_to_be_had() -> None:
    found = await diagnosed(ServiceConfig(faults=[refuse("/config", 500, times=9)]), stream=False)
    assert found.ok
    assert "media can only come directly" in found["ICE configuration"].verdict
    assert found["STUN"].state == "not tried"


# --- the network of media -----------------------------------------------------------------------


class WithoutPath(Engine):
    """Real media, whose packets find no way: no address of the other side is known."""

    def order(self, order: MediaOutput) -> None:
        match order:
            case AddCandidate():
                return
            case SetRemote(_, _, sdp):
                kept = [line for line in sdp.splitlines() if not line.startswith("a=candidate")]
                super().order(evolve(order, sdp="\r\n".join([*kept, ""])))
            case _:
                super().order(order)


async def test_udp_is_blocked() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        servers = [IceServer((f"stun:127.0.0.1:{deaf.getsockname()[1]}",))]
        found = await diagnosed(
            ServiceConfig(ice_servers=servers),
            timeouts=Timeouts(negotiate=2.5),
            ice=IcePolicy(gather_timeout=0.1),
            media=WithoutPath,
        )
    assert found.cause is found["STUN"], str(found)
    assert "no answer" in found.verdict
    assert "UDP seems to be blocked" in found["STUN"].advice
    assert "no way for media" in found["media connection"].verdict


async def test_relays_that_do_not_answer() -> None:
    urls = ("turn:127.0.0.1:9?transport=tcp", "turns:nobody.invalid:9?transport=tcp")
    servers = [IceServer(urls, Secret("canary-user"), Secret("canary-word"))]
    found = await diagnosed(
        ServiceConfig(ice_servers=servers),
        ice=IcePolicy(relay_only=True, gather_timeout=0.5),
    )
    assert found.cause is found["TURN over TCP"], str(found)
    assert "the connection was refused" in found.verdict
    assert "the host name is unknown" in found["TURN over TLS"].verdict
    assert found["media connection"].facts["code"] == "network.no_relay"
    assert "canary" not in f"{found}{found.to_dict()}"


class Few:
    """The frames of a peer, of which only so many are handed over; `over` is called with the last."""

    def __init__(self, frames: Any, left: int, over: Callable[[], None]) -> None:
        self._frames = frames
        self._left = left
        self._over = over

    def __getattr__(self, name: str) -> Any:
        return getattr(self._frames, name)

    async def __anext__(self) -> Any:
        if self._left == 0:
            await anyio.sleep_forever()
        self._left -= 1
        frame = await anext(self._frames)
        if self._left == 0:
            self._over()
        return frame


@pytest.mark.parametrize(
    ("frames", "check", "verdict"), [(0, "first frame", "no picture comes"), (2, "frames", "then froze")]
)
async def test_the_picture_does_not_come(
    frames: int, check: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def over() -> None:
        monkeypatch.setattr(doctor, "FRAME_SECONDS", 0.1)

    class Freezing(Engine):
        def frames(self, *of: Any) -> Any:
            return Few(super().frames(*of), frames, over)

    monkeypatch.setattr(doctor, "FRAME_SECONDS", 20.0)
    if frames == 0:
        over()
    found = await diagnosed(media=Freezing)
    assert found.cause is found[check], str(found)
    assert verdict in found.verdict


async def test_a_limit_of_streams_is_not_blamed_on_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "WATCH_SECONDS", 20.0)
    found = await diagnosed(ServiceConfig(stream_seconds=1.0))
    assert found.cause is found["stream"], str(found)
    assert found.verdict == f"stream: {LOST}a stream lasted as long as it may."
    assert (found["API key"].state, found["media connection"].state) == ("ok", "ok")


@pytest.mark.parametrize("frames", [0, 2])
async def test_a_stream_that_ends_properly_is_not_frozen(
    frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients: list[Odyssey] = []
    comes, seen = doctor._next, 0

    class Kept(Odyssey):
        def __init__(self, *of: Any, **options: Any) -> None:
            super().__init__(*of, **options)
            clients.append(self)

    async def next_until_the_end(reader: Any) -> bool:
        nonlocal seen
        if seen == 1 + frames:
            await clients[0].end_stream()
            # What came before the end was seen.
            return False
        seen += 1
        return await comes(reader)

    monkeypatch.setattr(doctor, "WATCH_SECONDS", 20.0)
    monkeypatch.setattr(doctor, "Odyssey", Kept)
    monkeypatch.setattr(doctor, "_next", next_until_the_end)
    found = await diagnosed()
    assert found.ok, str(found)
    # On a busy machine they may be few, or come unevenly.
    assert (found["frames"].state == "not tried") == (frames == 0)
