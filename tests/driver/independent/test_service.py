"""The local service under a client made of httpx, websockets and aiortc."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import anyio.to_thread
import httpx
import pytest
import websockets
from house.independent_client import Viewer

from odyssey import ConnectionStatus, Odyssey
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.access import AccessPolicy
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio


async def elsewhere(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs an asyncio program in a thread of its own, so that the service's loop may be any."""
    await anyio.to_thread.run_sync(lambda: asyncio.run(work()))


@pytest.mark.parametrize(("portrait", "size"), [(True, (704, 1280)), (False, (1280, 704))])
async def test_a_whole_session(portrait: bool, size: tuple[int, int]) -> None:
    async def view() -> None:
        async with Viewer(service.url) as viewer:
            start = {"type": "interactive_stream_start", "prompt": "A cat", "portrait": portrait}
            for stream in ({**start, "broadcast": False, "input_image_base64": None}, start):
                started = await viewer.ask(stream, "stream_started")
                assert started["stream_id"]
                acknowledged = await viewer.ask(
                    {"type": "update", "prompt": "Pet the cat"}, "update_acknowledged"
                )
                assert "Pet the cat" in acknowledged["prompt"]
                await viewer.more(10)
                assert viewer.frames[-1] == size
                await viewer.ask({"type": "interactive_stream_end"}, "stream_ended")

    async with serve() as service:
        await elsewhere(view)


async def test_a_service_that_ends_says_so_to_its_clients() -> None:
    connected = threading.Event()
    closes: list[tuple[int | None, str | None]] = []

    async def view() -> None:
        async with httpx.AsyncClient(base_url=service.url, trust_env=False) as http:
            token = (await http.post("/auth/token", json={"api_key": "ody_a"})).json()["access_token"]
            http.headers["authorization"] = f"Bearer {token}"
            session = (await http.post("/sessions/request", json={})).json()["session_id"]
            opens = (await http.post("/sessions/token", json={"session_id": session})).json()["session_token"]
        address = f"{service.url.replace('http', 'ws', 1)}/client/{session}?token={opens}"
        async with websockets.connect(address, proxy=None) as socket:
            connected.set()
            async for _ in socket:
                pass
            closes.append((socket.close_code, socket.close_reason))

    async with anyio.create_task_group() as group, serve() as service:
        group.start_soon(elsewhere, view)
        assert await anyio.to_thread.run_sync(connected.wait, 20)
    assert closes == [(1001, "the service ends")]


async def test_the_end_of_a_service_is_a_normal_end_for_our_client() -> None:
    reported: list[str] = []
    gone = anyio.Event()

    def disconnected() -> None:
        reported.append("disconnected")
        gone.set()

    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(serve())
        async with Odyssey("ody_test", api_url=service.url) as client:
            await client.connect(
                on_disconnected=disconnected, on_error=lambda error, fatal: reported.append(str(error))
            )
            await stack.aclose()
            with anyio.fail_after(10):
                await gone.wait()
            assert client.current_status is ConnectionStatus.DISCONNECTED
    assert reported == ["disconnected"]


async def test_refusals_read_as_they_should() -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(base_url=service.url, trust_env=False) as http:
            assert (await http.get("/nowhere")).status_code == 404
            assert (await http.post("/auth/token", json={"api_key": "nonsense"})).status_code == 422
            assert (await http.post("/auth/token", json={"api_key": "ody_unknown"})).status_code == 401
            assert (await http.post("/auth/token", json={"api_key": "ody_known"})).status_code == 200
            assert (await http.post("/auth/token", content=b"{")).status_code in (400, 422)
            assert (await http.post("/sessions/request", json={})).status_code == 401
            bad = {"Authorization": "Bearer nonsense"}
            assert (await http.post("/sessions/request", json={}, headers=bad)).status_code == 401
            preflight = {
                "Origin": "https://app.example.org",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            }
            reply = await http.options("/sessions/request", headers=preflight)
            assert reply.is_success
            assert reply.headers["access-control-allow-origin"] in ("*", "https://app.example.org")
            foreign = preflight | {"Origin": "https://example.org"}
            assert (await http.options("/sessions/request", headers=foreign)).status_code == 403
            assert (await http.get("/config")).json()["iceServers"] is not None

    access = AccessPolicy(origins=("https://app.example.org",))
    async with serve(ServiceConfig(keys=("ody_known",), access=access)) as service:
        await elsewhere(ask)
