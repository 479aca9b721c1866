"""A session: signaling on websockets, media on aiortc, everything in the one loop of asyncio."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import numpy as np
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.plain.rest import Rest

KEEPALIVE_SECONDS = 10.0
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
CONNECT_SECONDS = 30.0

type OnFrame = Callable[[NDArray[np.uint8]], object]
"""Gets each frame in RGB, height by width by 3."""


class PlainClient:
    """Connects, streams and leaves; for one task."""

    def __init__(self, url: str, key: str) -> None:
        self._rest = Rest(url, key)
        self._begin(None)

    def _begin(self, on_frame: OnFrame | None) -> None:
        self.on_frame = on_frame
        self._pc: RTCPeerConnection | None = None
        self._socket: ClientConnection | None = None
        self._to_streamer: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()
        self._track: Any = None
        self._replies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __aenter__(self) -> "PlainClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    async def connect(self, on_frame: OnFrame | None = None) -> None:
        """Opens a session; returns when the video track and the channel to the streamer are there."""
        self._begin(on_frame)
        session = await self._rest.session()
        await self._rest.session_token(session["session_id"])
        signaling = session["signalling_url"]
        self._pc = RTCPeerConnection(RTCConfiguration(await self._ice_servers(signaling)))
        self._pc.on("track", self._on_track)
        self._pc.on("datachannel", self._on_channel)
        token = await self._rest.session_token(session["session_id"])
        address = signaling.replace("http", "ws", 1)
        self._socket = await connect(
            f"{address}/client/{session['session_id']}?token={token}", max_size=MAX_MESSAGE_BYTES
        )
        self._tasks += [asyncio.create_task(self._read()), asyncio.create_task(self._keep_alive())]
        await asyncio.wait_for(self._ready.wait(), CONNECT_SECONDS)

    async def start_stream(self, prompt: str, portrait: bool = True) -> str:
        """Starts a stream; returns its id."""
        reply = await self._ask(
            {"type": "interactive_stream_start", "prompt": prompt, "portrait": portrait, "broadcast": False},
            "stream_started",
        )
        return str(reply["stream_id"])

    async def interact(self, prompt: str) -> str:
        """Steers the stream; returns the prompt that the service made of it."""
        return str((await self._ask({"type": "update", "prompt": prompt}, "update_acknowledged"))["prompt"])

    async def end_stream(self) -> None:
        """Ends the stream."""
        await self._ask({"type": "interactive_stream_end"}, "stream_ended")

    async def disconnect(self) -> None:
        """Leaves."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            await self._socket.send(json.dumps({"type": "client_disconnecting"}))
            await self._socket.close()
        if self._pc is not None:
            await self._pc.close()

    async def _ask(self, message: dict[str, Any], answer: str) -> dict[str, Any]:
        self._to_streamer.send(json.dumps(message))
        while True:
            reply = await self._replies.get()
            if reply["type"] == answer:
                return reply
            if reply["type"] == "interactive_stream_error":
                raise RuntimeError(reply.get("message", "unknown"))

    async def _ice_servers(self, signaling: str) -> list[RTCIceServer]:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as http,
            http.get(f"{signaling}/config") as reply,
        ):
            servers = (await reply.json())["iceServers"]
        return [RTCIceServer(each["urls"], each.get("username"), each.get("credential")) for each in servers]

    async def _read(self) -> None:
        assert self._socket is not None, "it runs while there is one"
        assert self._pc is not None, "it is made before the socket"
        async for text in self._socket:
            message = json.loads(text)
            match message["type"]:
                case "offer":
                    await self._pc.setRemoteDescription(RTCSessionDescription(message["sdp"], "offer"))
                    await self._pc.setLocalDescription(await self._pc.createAnswer())
                    answer = {"type": "answer", "sdp": self._pc.localDescription.sdp}
                    await self._socket.send(json.dumps(answer))
                case "ice_candidate" if message.get("candidate"):
                    candidate = candidate_from_sdp(message["candidate"].removeprefix("candidate:"))
                    candidate.sdpMid = message.get("sdpMid")
                    candidate.sdpMLineIndex = message.get("sdpMLineIndex")
                    await self._pc.addIceCandidate(candidate)

    async def _keep_alive(self) -> None:
        assert self._socket is not None, "it runs while there is one"
        while True:
            await asyncio.sleep(KEEPALIVE_SECONDS)
            await self._socket.send(json.dumps({"type": "keepalive"}))

    def _on_track(self, track: Any) -> None:
        if track.kind == "video":
            self._track = track
            self._tasks.append(asyncio.create_task(self._show(track)))
            self._check_ready()

    def _on_channel(self, channel: Any) -> None:
        if channel.label == "clientToStreamer":
            self._to_streamer = channel
            self._check_ready()
        elif channel.label == "streamerToClient":
            channel.on("message", lambda text: self._replies.put_nowait(json.loads(text)))

    def _check_ready(self) -> None:
        if self._track is not None and self._to_streamer is not None:
            self._ready.set()

    async def _show(self, track: Any) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            picture = frame.to_ndarray(format="rgb24")
            if self.on_frame is not None:
                self.on_frame(picture)
