"""A client made of httpx, websockets and aiortc that shares no line with ours, by the letter of the wire."""

import asyncio
import json
from typing import Any
from urllib.parse import quote

import httpx
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 20.0
"""How long one answer may take, in seconds."""


class Viewer:
    """One session: `async with Viewer(url) as viewer`, then `ask` on the data channel, and `frames`."""

    def __init__(self, url: str, key: str = "ody_viewer") -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False)
        self._key = key
        self._socket: ClientConnection | None = None
        self._peer: RTCPeerConnection | None = None
        self._channels: dict[str, RTCDataChannel] = {}
        self._opened = asyncio.Event()
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self.session = ""
        self.frames: list[tuple[int, int]] = []

    async def __aenter__(self) -> "Viewer":
        access = await self._post("/auth/token", {"api_key": self._key})
        bearer = {"Authorization": f"Bearer {access['access_token']}"}
        granted = await self._post("/sessions/request", {}, bearer)
        self.session = granted["session_id"]
        token = await self._post("/sessions/token", {"session_id": self.session}, bearer)
        base = granted["signalling_url"].rstrip("/")
        config = (await self._http.get(base.replace("ws", "http", 1) + "/config")).raise_for_status().json()
        servers = [RTCIceServer(**server) for server in config["iceServers"]]
        self._peer = RTCPeerConnection(RTCConfiguration(servers))
        self._peer.on("track", self._track)
        self._peer.on("datachannel", self._channel)
        url = f"{base.replace('http', 'ws', 1)}/client/{self.session}?token={quote(token['session_token'])}"
        self._socket = await connect(url, open_timeout=PATIENCE, proxy=None)
        self._tasks.append(asyncio.create_task(self._signal(self._socket, self._peer)))
        async with asyncio.timeout(PATIENCE):
            await self._opened.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._socket is not None:
            await self._socket.send(json.dumps({"type": "client_disconnecting"}))
            await self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._peer is not None:
            await self._peer.close()
        await self._http.aclose()

    async def ask(self, message: dict[str, Any], reply: str) -> dict[str, Any]:
        """Says something on the data channel and waits for the reply of that type."""
        self._channels["clientToStreamer"].send(json.dumps(message))
        async with asyncio.timeout(PATIENCE):
            while (message := await self._received.get())["type"] != reply:
                pass
        return message

    async def more(self, count: int) -> None:
        """Waits for so many more frames."""
        goal = len(self.frames) + count
        async with asyncio.timeout(PATIENCE):
            while len(self.frames) < goal:
                await asyncio.sleep(0.02)

    async def _post(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        reply = await self._http.post(path, json=body, headers=headers)
        return reply.raise_for_status().json()

    async def _signal(self, socket: ClientConnection, peer: RTCPeerConnection) -> None:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "offer":
                await peer.setRemoteDescription(RTCSessionDescription(message["sdp"], "offer"))
                await peer.setLocalDescription(await peer.createAnswer())
                await socket.send(json.dumps({"type": "answer", "sdp": peer.localDescription.sdp}))

    def _track(self, track: MediaStreamTrack) -> None:
        async def drain() -> None:
            while True:
                frame = await track.recv()
                self.frames.append((frame.width, frame.height))

        if track.kind == "video":
            self._tasks.append(asyncio.create_task(drain()))

    def _channel(self, channel: RTCDataChannel) -> None:
        self._channels[channel.label] = channel
        channel.on("message", lambda text: self._received.put_nowait(json.loads(text)))
        if {"clientToStreamer", "streamerToClient"} <= self._channels.keys():
            self._opened.set()
