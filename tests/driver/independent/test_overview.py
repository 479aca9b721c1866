"""The public API overview, row by row: handlers, properties, exceptions."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from house.independent_service import SESSION, Relay
from house.independent_streamer import Streamer
from house.server_thread import ServerThread

from odyssey import (
    BroadcastInfo,
    ConnectionStatus,
    MonthlyLimitReachedError,
    Odyssey,
    OdysseyAuthError,
    OdysseyConnectionError,
    OdysseyError,
    OdysseyStreamError,
    VideoFrame,
)

pytestmark = pytest.mark.anyio


class Diary:
    """Notes every call of every handler, with its arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._stirred = anyio.Event()

    def handlers(self) -> dict[str, Any]:
        return {name: self._handler(name) for name in NAMES}

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [arguments for each, *arguments in self.calls if each == name]

    async def until(self, name: str, count: int = 1) -> tuple[Any, ...]:
        """Waits until a handler was called so often, and returns the arguments of the last call."""
        with anyio.fail_after(15):
            while len(self.named(name)) < count:
                await self._stirred.wait()
        return self.named(name)[-1]

    def _handler(self, name: str) -> Any:
        def note(*arguments: Any) -> None:
            self.calls.append((name, *arguments))
            self._stirred.set()
            self._stirred = anyio.Event()

        return note


NAMES = (
    "on_connected",
    "on_disconnected",
    "on_video_frame",
    "on_stream_started",
    "on_stream_ended",
    "on_interact_acknowledged",
    "on_broadcast_ready",
    "on_stream_error",
    "on_error",
    "on_status_change",
)


async def reached(streamer: Streamer) -> None:
    """Waits until the streamer received something."""
    with anyio.fail_after(15):
        while not streamer.received:
            await anyio.sleep(0.01)


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
async def client(service: ServerThread) -> AsyncIterator[Odyssey]:
    async with Odyssey(api_key="ody_overview", api_url=service.url) as client:
        yield client


async def test_connect_and_disconnect(client: Odyssey, diary: Diary) -> None:
    assert await client.connect(**diary.handlers()) is None
    assert diary.named("on_connected") == [[]]
    assert diary.named("on_disconnected") == []
    assert await client.disconnect() is None
    assert diary.named("on_disconnected") == [[]]
    assert await client.disconnect() is None
    assert diary.named("on_disconnected") == [[]]
    assert diary.named("on_error") == []


async def test_handlers_go_by_position_as_well(client: Odyssey, diary: Diary) -> None:
    await client.connect(*diary.handlers().values())
    await client.start_stream("A cat")
    await diary.until("on_video_frame")
    assert diary.named("on_stream_started") == [["aiortc-1"]]


async def test_properties(client: Odyssey) -> None:
    def properties() -> tuple[Any, ...]:
        return (
            client.is_connected,
            client.current_status,
            client.current_session_id,
            client.last_applied_prompt,
        )

    assert properties() == (False, ConnectionStatus.DISCONNECTED, None, None)
    await client.connect()
    assert properties() == (True, ConnectionStatus.CONNECTED, SESSION, None)
    await client.start_stream("A cat")
    assert properties() == (True, ConnectionStatus.CONNECTED, SESSION, "A cat")
    await client.interact("Pet the cat")
    assert properties() == (True, ConnectionStatus.CONNECTED, SESSION, "PET THE CAT")
    await client.disconnect()
    assert properties() == (False, ConnectionStatus.DISCONNECTED, None, None)


async def test_a_stream(client: Odyssey, diary: Diary) -> None:
    await client.connect(**diary.handlers())
    assert await client.start_stream("A cat", portrait=True) == "aiortc-1"
    assert await client.interact("Pet the cat") == "PET THE CAT"
    assert await client.end_stream() is None
    calls = [call for call in diary.calls if call[0] not in ("on_video_frame", "on_status_change")]
    assert calls == [
        ("on_connected",),
        ("on_stream_started", "aiortc-1"),
        ("on_interact_acknowledged", "PET THE CAT"),
        ("on_stream_ended",),
    ]


async def test_video_frames(client: Odyssey, diary: Diary) -> None:
    await client.connect(**diary.handlers())
    await client.start_stream("A cat")
    (frame,) = await diary.until("on_video_frame", 3)
    assert isinstance(frame, VideoFrame)
    assert (frame.width, frame.height) == (640, 480)
    assert frame.data.shape == (480, 640, 3)
    assert frame.data.dtype == "uint8"
    stamps = [each.timestamp_ms for (each,) in diary.named("on_video_frame")]
    assert stamps == sorted(set(stamps))


async def test_status_changes(client: Odyssey, diary: Diary) -> None:
    await client.connect(**diary.handlers())
    await client.disconnect()
    statuses = [status for status, _ in diary.named("on_status_change")]
    assert statuses[0] is ConnectionStatus.AUTHENTICATING
    assert statuses[-2:] == [ConnectionStatus.CONNECTED, ConnectionStatus.DISCONNECTED]
    assert set(statuses[1:-2]) == {ConnectionStatus.CONNECTING}
    assert all(message is None or isinstance(message, str) for _, message in diary.named("on_status_change"))


async def test_a_stream_that_ends_by_itself(
    client: Odyssey, diary: Diary, service: ServerThread, streamer: Streamer
) -> None:
    await client.connect(**diary.handlers())
    await client.start_stream("A cat")
    service.run(streamer.say({"type": "stream_ended"}))
    await diary.until("on_stream_ended")
    with pytest.raises(OdysseyStreamError):
        await client.interact("Pet the cat")
    assert client.is_connected


async def test_stream_errors(
    client: Odyssey, diary: Diary, service: ServerThread, streamer: Streamer
) -> None:
    await client.connect(**diary.handlers())
    streamer.answers = False
    async with anyio.create_task_group() as group:

        async def start() -> None:
            with pytest.raises(OdysseyStreamError) as caught:
                await client.start_stream("A cat")
            assert caught.value.code == "moderation_failed"

        group.start_soon(start)
        await reached(streamer)
        error = {"type": "interactive_stream_error", "reason": "moderation_failed", "message": "Blocked"}
        service.run(streamer.say(error))
    assert await diary.until("on_stream_error") == ["moderation_failed", "Blocked"]
    assert client.is_connected


async def test_a_limit_that_stops_a_stream(
    client: Odyssey, service: ServerThread, streamer: Streamer
) -> None:
    await client.connect()
    streamer.answers = False
    async with anyio.create_task_group() as group:

        async def start() -> None:
            with pytest.raises(MonthlyLimitReachedError) as caught:
                await client.start_stream("A cat")
            assert isinstance(caught.value, OdysseyStreamError)
            assert "\n" not in str(caught.value)

        group.start_soon(start)
        await reached(streamer)
        error = {"type": "interactive_stream_error", "reason": "quota_exceeded", "message": "No hours left"}
        service.run(streamer.say(error))


async def test_broadcast(client: Odyssey, diary: Diary, service: ServerThread, streamer: Streamer) -> None:
    await client.connect(**diary.handlers())
    await client.start_stream("A cat", broadcast=True)
    assert streamer.received[-1]["broadcast"] is True
    ready = {
        "type": "broadcast_ready",
        "webrtc_url": "http://127.0.0.1:8889/live/x",
        "spectator_token": "secret-token",
        "broadcast_url": None,
    }
    service.run(streamer.say(ready))
    (info,) = await diary.until("on_broadcast_ready")
    assert info == BroadcastInfo(None, "http://127.0.0.1:8889/live/x", "secret-token")
    assert "secret-token" not in repr(info)


@pytest.mark.parametrize("code", [1011, 4000])
async def test_errors(client: Odyssey, diary: Diary, service: ServerThread, relay: Relay, code: int) -> None:
    await client.connect(**diary.handlers())
    service.run(relay.hang_up(code, "gone for good"))
    error, fatal = await diary.until("on_error")
    assert isinstance(error, OdysseyConnectionError)
    assert (fatal, error.status) == (True, code)
    await diary.until("on_disconnected")
    assert client.current_status is ConnectionStatus.FAILED
    assert len(diary.named("on_error")) == len(diary.named("on_disconnected")) == 1
    with pytest.raises(OdysseyStreamError):
        await client.start_stream("A cat")


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_normal_close_is_a_disconnect(
    client: Odyssey, diary: Diary, service: ServerThread, relay: Relay, code: int
) -> None:
    await client.connect(**diary.handlers())
    service.run(relay.hang_up(code, "that was all"))
    assert await diary.until("on_disconnected") == []
    assert client.current_status is ConnectionStatus.DISCONNECTED
    assert not client.is_connected


@pytest.mark.parametrize("status", [401, 403, 422])
async def test_a_refused_key_is_an_authentication_error(
    client: Odyssey, diary: Diary, relay: Relay, status: int
) -> None:
    relay.replies["POST", "/auth/token"] = status, {"detail": "nothing in these words decides"}
    with pytest.raises(OdysseyAuthError) as caught:
        await client.connect(**diary.handlers())
    assert isinstance(caught.value, OdysseyError)
    assert caught.value.status == status
    assert client.current_status is ConnectionStatus.FAILED
    assert diary.named("on_connected") == []
    ((error, fatal),) = diary.named("on_error")
    assert (type(error), fatal) == (OdysseyAuthError, True)


async def test_what_the_caller_gets_as_an_error_is_not_logged_as_one(
    client: Odyssey, relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    relay.replies["POST", "/auth/token"] = 401, {"detail": "no"}
    with caplog.at_level("INFO"), pytest.raises(OdysseyAuthError):
        await client.connect()
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


async def test_a_slow_handler_holds_up_nothing_else(client: Odyssey) -> None:
    """Frames that arrive meanwhile are dropped and counted; calls and events go on."""
    seen: list[VideoFrame] = []

    async def slow(frame: VideoFrame) -> None:
        seen.append(frame)
        await anyio.sleep(0.25)

    await client.connect(on_video_frame=slow)
    await client.start_stream("A cat")
    with anyio.fail_after(15):
        while len(seen) < 3:
            assert await client.interact("faster") == "FASTER"
            await anyio.sleep(0.01)
    account = client.statistics().frames
    assert account.received > account.delivered
    assert account.received == account.delivered + account.pending + sum(account.dropped.values())


async def test_a_malformed_reply_is_a_connection_error(client: Odyssey, relay: Relay) -> None:
    relay.replies["POST", "/auth/token"] = 200, {"invalid": "401 403"}
    with pytest.raises(OdysseyConnectionError) as caught:
        await client.connect()
    assert not isinstance(caught.value, OdysseyAuthError)


async def test_without_a_key_nothing_is_sent(
    service: ServerThread, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ODYSSEY_API_KEY", raising=False)
    async with Odyssey(api_url=service.url) as client:
        with pytest.raises(OdysseyAuthError):
            await client.connect()
    assert set(relay.asked) <= {("GET", "/streamer")}


async def test_credentials_handed_on(
    client: Odyssey, service: ServerThread, relay: Relay, diary: Diary
) -> None:
    """A trusted host mints; another client, without a key, connects with what it was handed."""
    credentials = await client.create_client_credentials()
    assert credentials.session_id == SESSION
    assert credentials.capabilities is not None
    assert credentials.capabilities.image_to_video
    assert credentials.session_token not in repr(credentials)
    async with Odyssey(api_url=service.url) as other:
        await other.connect_with_credentials(credentials, **diary.handlers())
        assert other.current_session_id == SESSION
        assert await other.start_stream("A cat") == "aiortc-1"
    assert diary.named("on_connected") == diary.named("on_disconnected") == [[]]
    assert ConnectionStatus.AUTHENTICATING not in [status for status, _ in diary.named("on_status_change")]
    assert relay.asked.count(("POST", "/sessions/token")) == 1
