"""A service of recordings made of aiohttp: presigned addresses that expire, ranges, and bad days."""

import asyncio
from typing import Any

from aiohttp import web

SECRET = "presigned-canary"

JOB = {"job_id": "job-1", "priority": "normal", "created_at": "2026-05-01T10:00:00Z"}


class FileServer:
    """
    Files of one recording.

    `cuts` says after how many bytes each reply breaks off, `statuses` what replies are refused with,
    each for one request, the first first.
    """

    def __init__(self) -> None:
        self.body = bytes(range(256)) * 40
        self.tag: str | None = '"v1"'
        self.ranges = True
        self.length = True
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.extra: dict[str, str] = {}
        self.urls: dict[str, Any] = {}
        self.signature = 1
        self.signed = True
        self.stall = False
        self.endless = False
        self.located = 0
        self.states = ["pending", "dispatched", "processing", "completed"]
        self.received: list[dict[str, str]] = []
        self.sent = 0
        self.peers: set[Any] = set()

    def application(self) -> web.Application:
        """Returns the application, made on the loop that runs it."""
        application = web.Application()
        application.add_routes(
            [
                web.post("/auth/token", self._token),
                web.post("/simulation-jobs", self._simulate),
                web.get("/simulation-jobs/{id}", self._job),
                web.get("/stream-recordings", self._list),
                web.get("/recordings/{id}", self._recording),
                web.get("/files/{name}", self._file),
                web.get("/moved", self._moved),
                web.get("/round", self._round),
            ]
        )
        return application

    async def _token(self, _: web.Request) -> web.Response:
        return web.json_response({"access_token": "access-canary", "expires_in": 3600})

    async def _simulate(self, _: web.Request) -> web.Response:
        return web.json_response({**JOB, "status": "pending"}, status=201)

    async def _job(self, _: web.Request) -> web.Response:
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        streams = [{"stream_id": "stream-1"}] if status == "completed" else []
        job = {**JOB, "status": status, "streams": streams}
        return web.json_response(job, headers={"Retry-After": "0"})

    async def _list(self, request: web.Request) -> web.Response:
        lines = [
            {
                "stream_id": f"stream-{number}",
                "width": 704,
                "height": 1280,
                "started_at": "2026-05-01T10:00:00Z",
            }
            for number in range(1, 4)
        ]
        limit, offset = int(request.query["limit"]), int(request.query["offset"])
        page = lines[offset : offset + limit]
        return web.json_response({"recordings": page, "total": 3, "limit": limit, "offset": offset})

    async def _recording(self, request: web.Request) -> web.Response:
        self.located += 1
        files = f"{request.scheme}://{request.host}/files"
        urls = {
            f"{name}_url": f"{files}/{name}?sig={SECRET}-{self.signature}&x=a%2Fb+c"
            for name in ("video", "events", "thumbnail", "preview")
        }
        return web.json_response({"stream_id": request.match_info["id"], **urls, **self.urls})

    async def _moved(self, request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    async def _round(self, _: web.Request) -> web.Response:
        raise web.HTTPFound("/round")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self.received.append({name.lower(): value for name, value in request.headers.items()})
        self.peers.add(request.transport and request.transport.get_extra_info("peername"))
        if self.statuses:
            return web.Response(status=self.statuses.pop(0), text=f"no {SECRET}")
        if self.signed and request.raw_path.partition("?")[2] != f"sig={SECRET}-{self.signature}&x=a%2Fb+c":
            return web.Response(status=403, text="<Error>Request has expired</Error>")
        return await self._send(request, self._begin(request))

    def _begin(self, request: web.Request) -> int:
        wanted = request.headers.get("range", "")
        fits = self.tag is not None and request.headers.get("if-range") == self.tag
        return int(wanted.removeprefix("bytes=").rstrip("-")) if self.ranges and wanted and fits else 0

    async def _send(self, request: web.Request, begin: int) -> web.StreamResponse:
        total = len(self.body)
        headers = dict(self.extra)
        if self.tag is not None:
            headers["ETag"] = self.tag
        if begin >= total > 0:
            return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{total}"})
        if begin:
            headers.setdefault("Content-Range", f"bytes {begin}-{total - 1}/{total}")
        reply = web.StreamResponse(status=206 if begin else 200, headers=headers)
        if self.length and not self.endless:
            reply.content_length = total - begin
        else:
            reply.enable_chunked_encoding()
        await reply.prepare(request)
        while self.endless and request.transport is not None and not request.transport.is_closing():
            await reply.write(bytes(65_536))
            await asyncio.sleep(0)
        end = begin + self.cuts.pop(0) if self.cuts else total
        await reply.write(self.body[begin:end])
        self.sent += max(0, min(end, total) - begin)
        if self.stall:
            self.stall = False
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(0.01)
            return reply
        if end < total:
            await asyncio.sleep(0.01)
            assert request.transport is not None
            request.transport.abort()
            return reply
        await reply.write_eof()
        return reply
