"""The films and their files: addresses that end, parts on demand, drawn when they are first wanted."""

import hashlib
import hmac
import re
from urllib.parse import unquote

from attrs import define, field, frozen

from odyssey_proto.kernel.machine import Instant, after, seconds
from odyssey_proto.kernel.secret import revealed
from odyssey_proto.messages.endpoint import path_of
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.film import EVENTS, KINDS, PREVIEW, THUMBNAIL, VIDEO, Film
from odyssey_proto.service.io.seam import (
    Answer,
    Asked,
    Discard,
    Noted,
    Render,
    Rendered,
    RenderFailed,
    SendFile,
    ServiceOutput,
)
from odyssey_proto.service.rest.replies import Refused, refused, shared

PATH = "/files/"

MAX_FILMS = 256
"""The most films that are kept; a newer one makes the oldest unknown."""

MAX_WAITING = 64
"""The most requests that may wait for the drawing of one film."""

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@frozen
class Files:
    """Where the files of a film are."""

    video_url: str = field(repr=False)
    preview_url: str = field(repr=False)
    thumbnail_url: str = field(repr=False)
    events_url: str = field(repr=False)


@define
class _Kept:
    film: Film
    ordered: bool = False
    sizes: dict[str, int] = field(factory=dict)
    waiting: list[Asked] = field(factory=list)


class Store:
    """Keeps films, and answers requests for their files."""

    def __init__(self, config: ServiceConfig, key: bytes, wall: int) -> None:
        self._config = config
        self._key = key
        self._wall = wall
        self._films: dict[str, _Kept] = {}

    def __repr__(self) -> str:
        return f"<Store of {len(self._films)} films>"

    def keep(self, film: Film) -> list[ServiceOutput]:
        """Takes a film."""
        outputs: list[ServiceOutput] = []
        while len(self._films) >= MAX_FILMS:
            outputs += self._forget(next(iter(self._films)))
        self._films[film.stream_id] = _Kept(film)
        return outputs

    def film(self, stream_id: str) -> Film | None:
        """Returns a film that is kept."""
        kept = self._films.get(stream_id)
        return None if kept is None else kept.film

    def draw(self, stream_id: str) -> list[ServiceOutput]:
        """Has a film drawn, unless it was already."""
        kept = self._films[stream_id]
        if kept.ordered:
            return []
        kept.ordered = True
        return [Render(kept.film)]

    def _forget(self, stream_id: str) -> list[ServiceOutput]:
        kept = self._films.pop(stream_id)
        lost = [_answer(asked, detail_reply(404, "Not Found")) for asked in kept.waiting]
        return [*lost, Discard(stream_id)] if kept.ordered else list(lost)

    def files(self, now: Instant, stream_id: str, request: HttpRequest) -> Files:
        """Returns the addresses of a film's files, at the host of a request; they end after a time."""
        host = revealed(request.header("host")) or "localhost"
        until = self._unix(after(now, seconds(self._config.url_seconds)))

        def address(name: str) -> str:
            signature = self._signature(stream_id, name, str(until))
            return f"http://{host}{PATH}{stream_id}/{name}?expires={until}&signature={signature}"

        return Files(address(VIDEO), address(PREVIEW), address(THUMBNAIL), address(EVENTS))

    # --- requests for files ---------------------------------------------------------------------

    def serves(self, request: HttpRequest) -> bool:
        """Tells whether a request is for a file."""
        return path_of(request).startswith(PATH)

    def ask(self, now: Instant, asked: Asked) -> list[ServiceOutput]:
        """Answers a request for a file: at once, or once it is drawn."""
        try:
            kept, name = self._wanted(now, asked.request)
        except Refused as refusal:
            return [_answer(asked, refusal.reply)]
        if kept.sizes:
            return [_part(asked, kept, name)]
        if len(kept.waiting) >= MAX_WAITING:
            return [_answer(asked, detail_reply(503, "Too many requests wait for this file"))]
        kept.waiting.append(asked)
        return self.draw(kept.film.stream_id)

    def gone(self, exchange: ExchangeId) -> None:
        """Whoever asked does not wait any more."""
        for kept in self._films.values():
            kept.waiting = [asked for asked in kept.waiting if asked.exchange != exchange]

    def drawn(self, done: Rendered | RenderFailed) -> list[ServiceOutput]:
        """Takes what became of a drawing, and answers who waits for it."""
        kept = self._films.get(done.stream_id)
        if kept is None:
            return []
        waiting, kept.waiting = kept.waiting, []
        if isinstance(done, RenderFailed):
            kept.ordered = False
            lost = [_answer(asked, detail_reply(500, "The file could not be made")) for asked in waiting]
            return [Noted(f"stream {done.stream_id}: its files could not be made"), *lost]
        kept.sizes = dict(done.sizes)
        kept.film = kept.film.without_images
        return [_part(asked, kept, _name(asked.request)) for asked in waiting]

    def _wanted(self, now: Instant, request: HttpRequest) -> tuple[_Kept, str]:
        if request.method != "GET":
            raise refused(405, "Method Not Allowed")
        stream_id, _, name = unquote(path_of(request)).removeprefix(PATH).partition("/")
        expires = revealed(request.parameter("expires")) or ""
        signature = revealed(request.parameter("signature")) or ""
        if not hmac.compare_digest(signature.encode(), self._signature(stream_id, name, expires).encode()):
            raise refused(403, "The signature does not match")
        # What is signed is ours: the name is that of a file, and the time a number.
        if int(expires) <= self._unix(now):
            raise refused(403, "Request has expired")
        kept = self._films.get(stream_id)
        if kept is None:
            raise refused(404, "Not Found")
        return kept, name

    def _signature(self, *parts: str) -> str:
        return hmac.new(self._key, "/".join(parts).encode(errors="replace"), hashlib.sha256).hexdigest()

    def _unix(self, now: Instant) -> int:
        return (self._wall + now) // 1_000_000


def _name(request: HttpRequest) -> str:
    return unquote(path_of(request)).rpartition("/")[2]


def _answer(asked: Asked, reply: HttpReply) -> Answer:
    return Answer(asked.exchange, shared(reply))


def _part(asked: Asked, kept: _Kept, name: str) -> ServiceOutput:
    """Answers with a file, or with the part of it that is asked for (RFC 9110 section 14)."""
    size, stream_id = kept.sizes[name], kept.film.stream_id
    tag = f'"{stream_id}-{size}"'
    head: tuple[tuple[str, str], ...]
    head = (("content-type", KINDS[name]), ("accept-ranges", "bytes"), ("etag", tag))
    bounds = _bounds(asked.request, size, tag)
    if bounds is None:
        return SendFile(asked.exchange, shared(HttpReply(200, head)), stream_id, name, 0, size)
    start, end = bounds
    if start >= end:
        reply = HttpReply(416, (*head, ("content-range", f"bytes */{size}")))
        return _answer(asked, reply)
    head = (*head, ("content-range", f"bytes {start}-{end - 1}/{size}"))
    return SendFile(asked.exchange, shared(HttpReply(206, head)), stream_id, name, start, end - start)


def _bounds(request: HttpRequest, size: int, tag: str) -> tuple[int, int] | None:
    """Returns the first byte of a part and the one after its last; `None`: the whole is asked for."""
    found = _RANGE.fullmatch(revealed(request.header("range")) or "")
    if found is None or found[1] == found[2] == "":
        return None
    if (revealed(request.header("if-range")) or tag) != tag:
        return None
    if not found[1]:
        return max(0, size - int(found[2])), size
    return int(found[1]), min(size, int(found[2] or size) + 1)
