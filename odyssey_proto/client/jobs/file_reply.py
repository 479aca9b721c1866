"""
What the head of a reply says about a file, or the rest of one, that was asked for.

Ranges and their conditions are those of RFC 9110 sections 13.1.5, 14 and 15.3.7.
"""

import re

from attrs import frozen

from odyssey_proto.kernel.machine import Span
from odyssey_proto.messages.refusals import retry_after
from odyssey_proto.model.recordings import FileVersion
from odyssey_proto.seam.http import HttpReply

EXPIRED_STATUSES = frozenset({400, 401, 403, 404, 410})
"""What presigned addresses are answered with when their time is over, by one store or another."""

TRANSIENT_STATUSES = frozenset({408, 425, 429})
"""What will pass, besides 5xx."""

_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,256}"')
"""A strong validator; a weak one says nothing about bytes (RFC 9110 section 8.8.1)."""

_SATISFIED_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_UNSATISFIED_RANGE = re.compile(r"bytes \*/(\d{1,18})")
_LENGTH = re.compile(r"\d{1,18}")


@frozen
class WholeFile:
    """The file follows from its first byte on."""

    version: FileVersion


@frozen
class RestOfFile:
    """What was missing follows."""

    total: int | None
    """The size of the file, if the reply says it."""


@frozen
class NothingMissing:
    """All of the file was there already."""


@frozen
class Encoded:
    """The body is compressed, so its bytes are not those of the file."""


@frozen
class Mismatch:
    """The reply does not fit what was asked for: the file must be loaded from its first byte on."""

    problem: str


@frozen
class Expired:
    """The address may have expired."""


@frozen
class Unavailable:
    """The server cannot serve the file now, but perhaps later."""

    retry_after: Span | None


@frozen
class Refused:
    """The server will not serve the file."""


type FileReply = (
    WholeFile | RestOfFile | NothingMissing | Encoded | Mismatch | Expired | Unavailable | Refused
)


def read_head(reply: HttpReply, stored: int, total: int | None) -> FileReply:
    """
    Returns what a reply means to somebody who has `stored` bytes of a file and asked for the rest.

    `total` is the size of the file as far as it is known from earlier replies.
    """
    if reply.ok and reply.header("content-encoding") not in (None, "", "identity"):
        return Encoded()
    match reply.status:
        case 200:
            return WholeFile(_version(reply))
        case 206:
            return _rest(reply, stored, total)
        case 416 if stored:
            size = _UNSATISFIED_RANGE.fullmatch(reply.header("content-range") or "")
            complete = size is not None and int(size[1]) == stored
            return NothingMissing() if complete else Mismatch("is shorter than what was there")
        case status if status in EXPIRED_STATUSES:
            return Expired()
        case status if status in TRANSIENT_STATUSES or status >= 500:
            return Unavailable(retry_after(reply))
        case _:
            return Refused()


def _version(reply: HttpReply) -> FileVersion:
    length = reply.header("content-length") or ""
    etag = reply.header("etag") or ""
    return FileVersion(
        etag if _STRONG_ETAG.fullmatch(etag) else None, int(length) if _LENGTH.fullmatch(length) else None
    )


def _rest(reply: HttpReply, stored: int, total: int | None) -> RestOfFile | Mismatch:
    part = _SATISFIED_RANGE.fullmatch(reply.header("content-range") or "")
    if not stored or part is None or int(part[1]) != stored:
        return Mismatch("came in parts that nobody asked for")
    size = None if part[3] == "*" else int(part[3])
    if total is not None and size not in (None, total):
        return Mismatch("has another size than before")
    return RestOfFile(size)
