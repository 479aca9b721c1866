"""
A service made of aiohttp that shares no line with ours: REST, and a relay between client and streamer.

It answers by the letter of the protocol and keeps what it was asked; the streamer is whoever
connects to `/streamer`, such as a browser.
"""

import asyncio
import base64
import json
from typing import Any

from aiohttp import WSMsgType, web

SESSION = "relayed-session"


class Relay:
    """
    One session for one client; `said` holds what the client sent on the WebSocket, in order,
    and `streamed` what the streamer sent.

    `replies` are given instead of the usual ones, by method and path: a status and a JSON value.
    """

    def __init__(self, regions: tuple[str, ...] = ()) -> None:
        self._regions = regions
        self.asked: list[tuple[str, str]] = []
        self.said: list[dict[str, Any]] = []
        self.streamed: list[dict[str, Any]] = []
        self.replies: dict[tuple[str, str], tuple[int, Any]] = {}
        self.bodies: dict[tuple[str, str], Any] = {}
        self.queries: dict[tuple[str, str], dict[str, str]] = {}
        self.closed_with: int | None = None
        self._streamer: web.WebSocketResponse | None = None
        self._client: web.WebSocketResponse | None = None
        self._streaming: asyncio.Event | None = None

    def application(self) -> web.Application:
        """Returns the application, made on the loop that runs it."""
        self._streaming = asyncio.Event()
        application = web.Application(client_max_size=64 * 2**20, middlewares=[self._noting])
        application.add_routes(
            [
                web.post("/auth/token", self._auth),
                web.get("/regions", self._list_regions),
                web.get("/ping", self._ping),
                web.post("/sessions/request", self._session),
                web.post("/sessions/token", self._token),
                web.get("/config", self._config),
                web.get("/client/{session}", self._join),
                web.get("/streamer", self._stream),
            ]
        )
        return application

    @web.middleware
    async def _noting(self, request: web.Request, handler: Any) -> web.StreamResponse:
        call = request.method, request.path
        self.asked.append(call)
        self.queries[call] = dict(request.query)
        if request.can_read_body:
            self.bodies[call] = await request.json()
        if call in self.replies:
            status, value = self.replies[call]
            return web.json_response(value, status=status)
        return await handler(request)

    async def tell(self, message: dict[str, Any]) -> None:
        """Says something to the client on the WebSocket."""
        assert self._client is not None
        await self._client.send_json(message)

    async def order(self, message: dict[str, Any]) -> None:
        """Says something to the streamer, as nobody but a test does."""
        assert self._streamer is not None
        await self._streamer.send_json(message)

    async def hang_up(self, code: int, reason: str) -> None:
        """Closes the client's WebSocket."""
        assert self._client is not None
        await self._client.close(code=code, message=reason.encode())

    async def _auth(self, request: web.Request) -> web.Response:
        assert (await request.json())["api_key"].startswith("ody_")
        return web.json_response({"access_token": "access-of-the-relay", "expires_in": 3600})

    async def _list_regions(self, request: web.Request) -> web.Response:
        here = f"http://{request.host}/ping"
        known = [{"id": region, "ping_url": here} for region in self._regions]
        return web.json_response({"regions": known})

    async def _ping(self, request: web.Request) -> web.Response:
        return web.Response(text="pong")

    async def _session(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer access-of-the-relay"
        return web.json_response(
            {
                "session_id": SESSION,
                "signalling_url": f"ws://{request.host}/",
                "capabilities": {"image_to_video": True},
            }
        )

    async def _token(self, request: web.Request) -> web.Response:
        assert (await request.json()) == {"session_id": SESSION}
        parts = ({"alg": "HS256", "typ": "JWT"}, {"session_id": SESSION, "exp": 4_000_000_000})
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
        return web.json_response({"session_token": ".".join([*encoded, "signature"]), "expires_in": 600})

    async def _config(self, request: web.Request) -> web.Response:
        return web.json_response({"iceServers": []})

    async def _join(self, request: web.Request) -> web.WebSocketResponse:
        assert request.match_info["session"] == SESSION
        assert request.query["token"].endswith(".signature")
        assert self._streaming is not None
        self._client = web.WebSocketResponse()
        await self._client.prepare(request)
        await self._streaming.wait()
        assert self._streamer is not None
        await self._streamer.send_json({"type": "client_connected"})
        async for message in self._client:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self.said.append(json.loads(message.data))
                if self.said[-1]["type"] != "keepalive" and not self._streamer.closed:
                    await self._streamer.send_str(message.data)
        self.closed_with = self._client.close_code
        return self._client

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        assert self._streaming is not None
        self._streamer = web.WebSocketResponse(max_msg_size=64 * 2**20)
        await self._streamer.prepare(request)
        self._streaming.set()
        async for message in self._streamer:
            if message.type is WSMsgType.TEXT and self._client is not None:
                self.streamed.append(json.loads(message.data))
                await self._client.send_str(message.data)
        return self._streamer
