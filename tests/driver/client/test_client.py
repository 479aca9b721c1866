"""The public API against a service in memory: what each call does, and what becomes of it."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from inmemory import World, applied

from odyssey import (
    ClientCredentials,
    ConnectionStatus,
    Odyssey,
    OdysseyAuthError,
    OdysseyConnectionError,
    OdysseyError,
    OdysseyStreamError,
)
from odyssey_proto.messages import signaling
from odyssey_proto.messages.token import sign
from odyssey_proto.seam.http import json_reply
from odyssey_proto.seam.inputs import PeerState

pytestmark = pytest.mark.anyio

S = ConnectionStatus


def recorder(reported: list[Any]) -> dict[str, Callable[..., None]]:
    """Returns handlers that write down their calls."""
    names = [
        "connected",
        "disconnected",
        "stream_started",
        "stream_ended",
        "interact_acknowledged",
        "broadcast_ready",
        "stream_error",
        "error",
    ]
    handlers: dict[str, Callable[..., None]] = {
        f"on_{name}": lambda *given, name=name: reported.append((name, *given)) for name in names
    }
    handlers["on_status_change"] = lambda status, message: reported.append(status)
    return handlers


async def test_a_session_from_end_to_end(client: Odyssey, world: World) -> None:
    reported: list[Any] = []
    await client.connect(**recorder(reported))
    assert client.is_connected
    assert client.current_session_id == world.session_ids[-1]
    assert client.capabilities is not None
    assert client.capabilities.image_to_video
    assert await client.start_stream("A cat") == world.stream_ids[0]
    assert client.last_applied_prompt == applied("A cat")
    assert await client.interact("Pet it") == applied("Pet it")
    await client.end_stream()
    await client.disconnect()
    assert reported == [
        S.AUTHENTICATING,
        S.CONNECTING,
        S.CONNECTING,
        S.CONNECTED,
        ("connected",),
        ("stream_started", world.stream_ids[0]),
        ("interact_acknowledged", applied("Pet it")),
        ("stream_ended",),
        S.DISCONNECTED,
        ("disconnected",),
    ]
    assert (client.is_connected, client.current_session_id, client.last_applied_prompt) == (False, None, None)
    said = ["Answer", "InteractiveStreamStart", "Update", "InteractiveStreamEnd"]
    assert world.received[:4] == said
    assert sorted(world.received[4:]) == ["ClientDisconnecting", "DropPeer"]
    assert world.open == 0
    assert world.closed == {"exchanges": 1, "media": 1}
    assert world.asked["/sessions/token"] == 1


async def test_handlers_of_earlier_events_have_run_when_a_call_returns(client: Odyssey, world: World) -> None:
    reported: list[Any] = []
    await client.connect(**recorder(reported))
    assert reported[-1] == ("connected",)
    await client.start_stream()
    assert reported[-1] == ("stream_started", world.stream_ids[0])
    await client.interact("a")
    assert reported[-1] == ("interact_acknowledged", applied("a"))
    await client.end_stream()
    assert reported[-1] == ("stream_ended",)


async def test_coroutine_handlers_are_awaited_in_order_and_may_call_the_client(
    client: Odyssey, world: World
) -> None:
    reported: list[str] = []

    async def started(stream_id: str) -> None:
        reported.append(stream_id)
        reported.append(await client.interact("from the handler"))

    async def acknowledged(prompt: str) -> None:
        await anyio.sleep(0)
        reported.append(f"acknowledged {prompt}")

    await client.connect(on_stream_started=started, on_interact_acknowledged=acknowledged)
    await client.start_stream()
    await client.interact("second")
    await client.disconnect()
    assert reported == [
        world.stream_ids[0],
        applied("from the handler"),
        "acknowledged " + applied("from the handler"),
        "acknowledged " + applied("second"),
    ]


async def test_a_handler_that_raises_stops_nothing(
    client: Odyssey, caplog: pytest.LogCaptureFixture, world: World
) -> None:
    reported: list[Any] = []

    def bad(*given: Any) -> None:
        raise ZeroDivisionError("the application's own")

    await client.connect(
        on_status_change=bad,
        on_connected=bad,
        on_stream_started=bad,
        on_error=lambda error, fatal: reported.append((type(error), fatal)),
    )
    assert await client.start_stream() == world.stream_ids[0]
    assert reported == [(ZeroDivisionError, False)] * 6
    assert client.statistics().handler_errors == 6
    assert {record.name for record in caplog.records} == {"odyssey.callbacks"}


async def test_an_error_handler_that_raises_is_not_called_for_its_own_error(client: Odyssey) -> None:
    calls: list[bool] = []

    def bad(error: Exception, fatal: bool) -> None:
        calls.append(fatal)
        raise error

    def also_bad() -> None:
        raise KeyError

    await client.connect(on_error=bad, on_connected=also_bad)
    assert calls == [False]
    assert client.statistics().handler_errors == 2


async def test_calls_at_once_each_get_their_own_answer(client: Odyssey) -> None:
    await client.connect()
    await client.start_stream()
    answers: dict[int, str] = {}

    async def ask(number: int) -> None:
        answers[number] = await client.interact(f"prompt {number}")

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(ask, number)
    assert answers == {number: applied(f"prompt {number}") for number in range(20)}


async def test_credentials_open_a_session_without_a_key(world: World, make: Callable[..., Odyssey]) -> None:
    async with make() as host:
        credentials = await host.create_client_credentials()
    assert credentials.session_id == world.session_ids[-1]
    world.asked.clear()
    reported: list[Any] = []
    async with make(api_key="") as guest:
        await guest.connect_with_credentials(credentials, **recorder(reported))
        assert guest.is_connected
    assert reported[:4] == [S.CONNECTING, S.CONNECTING, S.CONNECTED, ("connected",)]
    assert not world.asked["/auth/token"]
    assert not any(token in repr(credentials) for token in world.tokens)


async def test_no_key_is_an_authentication_error_and_a_value_error(
    make: Callable[..., Odyssey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ODYSSEY_API_KEY", raising=False)
    async with make(api_key="") as client:
        for call in (client.connect, client.create_client_credentials, client.list_stream_recordings):
            with pytest.raises(OdysseyAuthError) as caught:
                await call()
            assert isinstance(caught.value, ValueError)
            assert caught.value.code == "auth.no_key"
            assert caught.value.hint is not None


@pytest.mark.parametrize(
    ("status", "detail", "kind", "code"),
    [
        (401, "nope", OdysseyAuthError, "auth.invalid_key"),
        (403, "suspended", OdysseyAuthError, "auth.denied"),
        (422, [{"msg": "bad"}], OdysseyAuthError, "auth.malformed_key"),
        (200, {"expires_in": 3}, OdysseyConnectionError, "reply.malformed"),
        (500, "401 invalid", OdysseyConnectionError, "server.error"),
    ],
)
async def test_a_refused_key(
    client: Odyssey, world: World, status: int, detail: Any, kind: type[OdysseyError], code: str
) -> None:
    world.replies["/auth/token"] = json_reply({"detail": detail}, status)
    reported: list[Any] = []
    with pytest.raises(kind) as caught:
        await client.connect(**recorder(reported))
    assert caught.value.code == code
    assert caught.value.phase == "authenticate"
    assert "\n" not in str(caught.value)
    assert reported[:2] == [S.AUTHENTICATING, S.FAILED]
    name, error, fatal = reported[2]
    assert (name, type(error), fatal) == ("error", type(caught.value), True)
    assert len(reported) == 3
    assert client.current_status is S.FAILED


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 4000])
async def test_a_closed_socket_ends_the_session_once(client: Odyssey, world: World, code: int) -> None:
    reported: list[Any] = []
    await client.connect(**recorder(reported))
    await client.start_stream()
    world.silent.add("Update")
    async with anyio.create_task_group() as group:

        async def hang_up() -> None:
            while "Update" not in world.received:
                await anyio.lowlevel.checkpoint()
            world.hangs_up(code)

        group.start_soon(hang_up)
        with pytest.raises(OdysseyStreamError) as caught:
            await client.interact("a")
    assert isinstance(caught.value, ConnectionError)
    assert [each for each in reported if each == ("disconnected",)] == [("disconnected",)]
    assert client.current_status is (S.DISCONNECTED if code in (1000, 1001) else S.FAILED)
    fatal = [each[2] for each in reported if each[0] == "error"]
    assert fatal == ([] if code in (1000, 1001) else [True])


@pytest.mark.parametrize("state", [PeerState.FAILED, PeerState.CLOSED])
async def test_a_lost_peer_ends_the_session(client: Odyssey, world: World, state: PeerState) -> None:
    reported: list[Any] = []
    await client.connect(**recorder(reported))
    assert world.engine is not None
    async with client.events() as events:
        world.engine.move(state)
        async for event in events:
            if type(event).__name__ == "Disconnected":
                break
    assert client.current_status is S.FAILED
    await client.disconnect()
    assert reported.count(("disconnected",)) == 1


async def test_an_error_on_signaling_is_fatal(client: Odyssey, world: World) -> None:
    reported: list[Any] = []
    await client.connect(**recorder(reported))
    async with client.events() as events:
        world.signals(signaling.SignalingError("duration_limit_reached"))
        async for event in events:
            if type(event).__name__ == "Disconnected":
                break
    errors = [each for each in reported if each[0] == "error"]
    assert [(error.code, fatal) for _, error, fatal in errors] == [("duration_limit_reached", True)]


async def test_a_connected_client_takes_new_handlers(client: Odyssey, world: World) -> None:
    first: list[str] = []
    second: list[str] = []
    await client.connect(on_stream_started=first.append, on_interact_acknowledged=first.append)
    await client.connect(on_stream_started=second.append)
    await client.start_stream()
    await client.interact("a")
    assert (first, second) == ([applied("a")], [world.stream_ids[0]])


async def test_a_new_session_has_only_its_own_handlers(client: Odyssey) -> None:
    reported: list[str] = []
    await client.connect(on_stream_started=reported.append)
    await client.disconnect()
    await client.connect()
    await client.start_stream()
    assert reported == []


async def test_expired_credentials_are_refused_where_they_are_made() -> None:
    with pytest.raises(ValueError, match="signaling_url"):
        ClientCredentials(signaling_url="", session_token=sign({"session_id": "s"}, b"key"))


async def test_nothing_secret_is_logged_or_shown(
    make: Callable[..., Odyssey], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with make(api_key="ody_very_secret", debug=True) as client:
        await client.connect()
        await client.start_stream("the prompt")
        await client.interact("another prompt")
        assert "ody_very_secret" not in repr(client)
    assert any(record.name == "odyssey.client" for record in caplog.records)
    assert len(world.tokens) == 2
    for secret in ("ody_very_secret", *world.tokens, "the prompt", "another prompt"):
        assert secret not in caplog.text


async def test_the_environment_says_what_was_not_given(
    world: World, make: Callable[..., Odyssey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODYSSEY_API_KEY", "ody_environment")
    monkeypatch.setenv("ODYSSEY_API_URL", "http://environment/")
    async with make(api_key="", api_url=None) as client:
        await client.connect()
    assert b"ody_environment" in world.bodies[0]
    assert world.asked["/auth/token"] == 1
