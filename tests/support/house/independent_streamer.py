"""A streamer made of aiohttp and aiortc, sharing no line with ours; it joins a `Relay` as a browser does."""

import asyncio
import json
from typing import Any

import aiohttp
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)


class Streamer:
    """Offers a green picture and both data channels, and answers messages unless asked not to."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.answers = True
        self._peer: RTCPeerConnection | None = None
        self._outgoing: RTCDataChannel | None = None
        self._task: asyncio.Task[None] | None = None

    async def join(self, url: str) -> None:
        """Joins the relay at that address, on the running loop."""
        self._task = asyncio.create_task(self._work(url))

    async def leave(self) -> None:
        """Leaves it and closes everything."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._peer is not None:
            await self._peer.close()

    async def say(self, message: dict[str, Any]) -> None:
        """Says something to the client on the data channel."""
        self._say(message)

    async def _work(self, url: str) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{url}/streamer", max_msg_size=64 * 2**20) as socket,
        ):
            async for message in socket:
                await self._on_message(socket, json.loads(message.data))

    async def _on_message(self, socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any]) -> None:
        match message["type"]:
            case "client_connected":
                await socket.send_json({"type": "offer", "sdp": await self._offer()})
            case "answer":
                assert self._peer is not None
                await self._peer.setRemoteDescription(RTCSessionDescription(message["sdp"], "answer"))
            case _:
                self._answer(message)

    async def _offer(self) -> str:
        self._peer = RTCPeerConnection(RTCConfiguration([]))
        self._peer.addTransceiver(VideoStreamTrack(), direction="sendonly")
        incoming = self._peer.createDataChannel("clientToStreamer")
        self._outgoing = self._peer.createDataChannel("streamerToClient")
        incoming.on("message", lambda text: self._answer(json.loads(text)))
        await self._peer.setLocalDescription(await self._peer.createOffer())
        return self._peer.localDescription.sdp

    def _answer(self, message: dict[str, Any]) -> None:
        self.received.append(message)
        if not self.answers:
            return
        match message:
            case {"type": "interactive_stream_start", "prompt": prompt}:
                reply = {"type": "stream_started", "stream_id": "aiortc-1", "applied_prompt": prompt}
            case {"type": "update", "prompt": prompt}:
                reply = {"type": "update_acknowledged", "prompt": prompt.upper()}
            case {"type": "interactive_stream_end"}:
                reply = {"type": "stream_ended"}
            case _:
                return
        self._say(reply)

    def _say(self, message: dict[str, Any]) -> None:
        assert self._outgoing is not None
        self._outgoing.send(json.dumps(message))
