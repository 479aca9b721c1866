"""Addresses: of the signaling server, in four spellings, and of regions; parts of paths."""

import re
from functools import lru_cache
from urllib.parse import quote, urlsplit

from attrs import frozen

from odyssey_proto.kernel.text import encodable

MAX_ADDRESS_CHARS = 4096
"""The longest address that is accepted, in characters."""

MAX_ID = 512
"""The longest id that is accepted, in characters."""

MAX_KEPT = 32
"""How many addresses are kept in the form that was found for them: a client asks for few, again and again."""

_PLAIN = re.compile(rf"[A-Za-z0-9._~-]{{1,{MAX_ID}}}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_WEBSOCKET = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_HTTP = {"ws": "http", "wss": "https", "http": "http", "https": "https"}


@frozen
class Region:
    """A place with streamers; a GET on `ping_url` measures the way there."""

    id: str
    ping_url: str


@lru_cache(MAX_KEPT)
def websocket_url(address: str) -> str:
    """
    Returns the `ws` or `wss` form of an address, without trailing slashes.
    The wire: docs/protocol.md#signaling-address.

    One without a scheme counts as `ws`.
    Raises `ValueError` for what is no address of that kind.
    """
    return _rewritten(address, _WEBSOCKET)


@lru_cache(MAX_KEPT)
def http_url(address: str) -> str:
    """Returns the `http` or `https` form of an address, by the same rules."""
    return _rewritten(address, _HTTP)


def segment(identifier: str) -> str:
    """
    Returns an id as one segment of a path, percent-encoded.

    Raises `ValueError` for what no encoding keeps from changing the path (RFC 3986 section 5.2.4).
    """
    if identifier in ("", ".", "..") or len(identifier) > MAX_ID or not encodable(identifier):
        raise ValueError("an id must have 1 to 512 characters and be neither . nor ..")
    return quote(identifier, safe="")


def is_plain_segment(identifier: str) -> bool:
    """
    Tells whether an id is one segment of a path as it is: unreserved characters (RFC 3986 section 2.3).

    A server's ids must be; one with a slash in it could name a file outside of its folder.
    """
    return bool(_PLAIN.fullmatch(identifier)) and identifier not in (".", "..")


def _rewritten(address: str, schemes: dict[str, str]) -> str:
    if (
        not (address.isascii() and address.isprintable())
        or " " in address
        or len(address) > MAX_ADDRESS_CHARS
    ):
        raise ValueError("the address is not a URL")
    found = _SCHEME.match(address)
    name = found[1].lower() if found else "ws"
    rest = address[found.end() :] if found else address
    if name not in schemes:
        raise ValueError("the address is neither a WebSocket nor an HTTP URL")
    if rest[:1] in ("", "/", "?", "#"):
        raise ValueError("the address names no host")
    if "#" in rest or "?" in rest:
        raise ValueError("the address has a query")
    rewritten = f"{schemes[name]}://{rest.rstrip('/')}"
    if not _reachable(rewritten):
        raise ValueError("the address names no usable host")
    return rewritten


def _reachable(address: str) -> bool:
    """Tells whether host and port are such that the wire will take them; user information is not."""
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False
