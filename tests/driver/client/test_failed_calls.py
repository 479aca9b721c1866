"""Calls that fail: each with an error of its own class, which says what was missing."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from inmemory import World, broken

from odyssey import (
    ConnectionStatus,
    MonthlyLimitReachedError,
    Odyssey,
    OdysseyConnectionError,
    OdysseyStreamError,
    OdysseyStreamTimeoutError,
    OdysseyTimeoutError,
    OdysseyUsageError,
    Timeouts,
)
from odyssey_proto.messages import stream
from odyssey_proto.seam.http import json_reply

pytestmark = pytest.mark.anyio

S = ConnectionStatus


async def test_a_limit_is_typed_wherever_it_arises(client: Odyssey, world: World) -> None:
    body = {
        "detail": {
            "error": "MONTHLY_LIMIT_REACHED",
            "message": "Hours used up",
            "action": "Upgrade",
            "action_url": "https://portal.example",
            "details": {"used_hours": 10},
        }
    }
    world.replies["/sessions/request"] = world.replies["/simulation-jobs"] = json_reply(body, 429)
    script = [{"timestamp_ms": 0, "start": {"prompt": "a"}}, {"timestamp_ms": 1000, "end": {}}]
    for call in (client.connect, lambda: client.simulate(script)):
        with pytest.raises(MonthlyLimitReachedError) as caught:
            await call()
        error = caught.value
        assert (error.code, error.action, error.status) == ("MONTHLY_LIMIT_REACHED", "Upgrade", 429)
        assert error.action_url == "https://portal.example"
        assert error.details["used_hours"] == 10
        assert str(error) == "Hours used up"


@pytest.mark.parametrize("reason", ["quota_exceeded", "session_timeout", "concurrent_limit_exceeded"])
async def test_a_limit_of_a_stream_is_both_kinds_of_error(client: Odyssey, world: World, reason: str) -> None:
    reported: list[Any] = []
    await client.connect(on_stream_error=lambda *given: reported.append(given))
    world.silent.add("InteractiveStreamStart")

    async def refuse() -> None:
        while "InteractiveStreamStart" not in world.received:
            await anyio.lowlevel.checkpoint()
        world.says(stream.InteractiveStreamError(reason, "no more"))

    async with anyio.create_task_group() as group:
        group.start_soon(refuse)
        with pytest.raises(OdysseyStreamError) as caught:
            await client.start_stream()
    assert isinstance(caught.value, OdysseyUsageError)
    assert str(caught.value) == "no more"
    assert reported == [(reason, "no more")]
    assert client.is_connected


async def test_an_unreachable_service(client: Odyssey, world: World) -> None:
    world.replies["/auth/token"] = broken()
    with pytest.raises(OdysseyConnectionError) as caught:
        await client.connect()
    assert isinstance(caught.value, ConnectionError)
    assert caught.value.retryable
    assert client.current_status is S.FAILED


async def test_stream_calls_need_a_connection_and_a_stream(client: Odyssey) -> None:
    for call in (client.start_stream, lambda: client.interact("a"), client.end_stream):
        with pytest.raises(OdysseyStreamError, match="not connected"):
            await call()
    await client.connect()
    with pytest.raises(OdysseyStreamError, match="no stream"):
        await client.interact("a")
    await client.end_stream()


@pytest.mark.parametrize("prompt", [None, 7, b"bytes"])
async def test_a_prompt_is_text(client: Odyssey, prompt: Any) -> None:
    await client.connect()
    with pytest.raises(OdysseyStreamError) as caught:
        await client.start_stream(prompt)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("silent", "call", "phase"),
    [
        ("InteractiveStreamStart", "start", "start"),
        ("Update", "interact", "interact"),
        ("InteractiveStreamEnd", "end", "end"),
    ],
)
async def test_a_silent_streamer_is_a_typed_timeout(
    world: World, make: Callable[..., Odyssey], silent: str, call: str, phase: str
) -> None:
    async with make(timeouts=Timeouts(start=0.05, interact=0.05, end=0.05)) as client:
        await client.connect()
        if call != "start":
            await client.start_stream()
        world.silent.add(silent)
        calls = {
            "start": lambda: client.start_stream(),
            "interact": lambda: client.interact("a"),
            "end": lambda: client.end_stream(),
        }
        with pytest.raises(OdysseyStreamTimeoutError) as caught:
            await calls[call]()
        assert caught.value.phase == phase
        assert caught.value.missing
        assert isinstance(caught.value, TimeoutError)
        assert client.is_connected


@pytest.mark.parametrize(("lacking", "missing"), [("offer", "offer"), ("peer", "video track")])
async def test_a_negotiation_that_never_ends_says_what_was_missing(
    world: World, make: Callable[..., Odyssey], lacking: str, missing: str
) -> None:
    world.silent.add(lacking)
    async with make(timeouts=Timeouts(negotiate=0.05)) as client:
        with pytest.raises(OdysseyTimeoutError) as caught:
            await client.connect()
        assert caught.value.phase == "negotiate"
        assert any(missing in each for each in caught.value.missing)
        assert client.current_status is S.FAILED
    assert "ClientDisconnecting" in world.received
    assert world.open == 0


async def test_media_that_cannot_start_fails_the_connect(client: Odyssey, world: World) -> None:
    world.silent.add("media")
    with pytest.raises(OdysseyConnectionError):
        await client.connect()
    # The WebSocket was only just being opened: the session is given back when it is.
    await client.aclose()
    assert "ClientDisconnecting" in world.received
