"""Absolute addresses taken apart, and request targets put together."""

import re
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

from attrs import frozen

from odyssey_proto.kernel.failures import invalid

MAX_URL_CHARS = 16 * 1024
"""The longest address, in characters."""

_SCHEMES = {"http": (False, 80), "https": (True, 443), "ws": (False, 80), "wss": (True, 443)}
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_HOST = re.compile(r"[A-Za-z0-9._~%-]{1,255}|[0-9A-Fa-f:.]{2,45}")


@frozen
class Address:
    """Where a request goes: the host, and the target that is named there."""

    tls: bool
    host: str
    """Without the brackets of an IPv6 literal."""
    port: int
    target: str
    """Path and query, as they stand in the request line (RFC 9112 section 3.2.1)."""

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What two addresses share that one connection can serve."""
        return self.tls, self.host, self.port

    @property
    def authority(self) -> str:
        """The value of the Host field (RFC 9110 section 7.2)."""
        return host_and_port(self.host, self.port).removesuffix(":443" if self.tls else ":80")


def host_and_port(host: str, port: int) -> str:
    """Returns both as they stand in an address: an IPv6 literal in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse(url: str) -> Address:
    """
    Takes an absolute http, https, ws or wss address apart.

    Raises `LocalProtocolError` for anything else; the error repeats nothing of the address.
    """
    if len(url) > MAX_URL_CHARS or not (url.isascii() and url.isprintable()) or " " in url:
        raise invalid("the address is not a URL")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise invalid("the address is not a URL") from None
    if parts.scheme not in _SCHEMES:
        raise invalid("the address is neither an HTTP nor a WebSocket URL")
    host = parts.hostname or ""
    if not _HOST.fullmatch(host) or "@" in parts.netloc or port == 0:
        raise invalid("the address names no usable host")
    tls, usual = _SCHEMES[parts.scheme]
    query = f"?{parts.query}" if parts.query else ""
    return Address(tls, host, port or usual, (parts.path or "/") + query)


def parse_http(url: object) -> Address:
    """
    Takes the address of something to load apart: `parse`, for http and https alone.

    Raises `LocalProtocolError` for anything else, whatever its type.
    """
    if not isinstance(url, str):
        raise invalid("the address is not a URL")
    if not url.lower().startswith(("http:", "https:")):
        raise invalid("the address is not an HTTP URL")
    return parse(url)


def is_local(host: str) -> bool:
    """
    Tells whether a host is this machine or its own link, as far as it says so itself.

    Loopback, link-local and unspecified addresses (RFC 6890), `localhost` (RFC 6761 section 6.3), and every
    other spelling of an IPv4 address, because a resolver may take it for one of these.
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return bool(_NUMERIC.fullmatch(name.rpartition(".")[2]))
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_link_local or address.is_unspecified


def join(base: str, reference: str) -> str:
    """
    Returns the address that a reference means, seen from another (RFC 3986 section 5.2).

    Raises `LocalProtocolError` if it is none.
    """
    try:
        joined = urljoin(base, reference)
    except ValueError:
        raise invalid("the address is not a URL") from None
    parse(joined)
    return joined
