"""
The local service's STUN server, so that no client of it needs one elsewhere (RFC 8489).

It says who asks where they come from, and nothing else.
The messages are read here and not by aioice, whose parser asks for no cookie, takes attributes that are cut
off, and passes over the unknown ones that a server has to refuse by name.
"""

import struct
from ipaddress import ip_address

from anyio.abc import UDPSocket

COOKIE = 0x2112A442
"""The magic cookie (RFC 8489 section 5)."""

_HEAD = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")

_REQUEST, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111
_ERROR_CODE, _UNKNOWN_ATTRIBUTES, _XOR_MAPPED_ADDRESS = 0x0009, 0x000A, 0x0020
_OPTIONAL = 0x8000
"""Attributes from here on may be ignored (RFC 8489 section 14)."""


async def answer_stun(socket: UDPSocket) -> None:
    """Answers until it is cancelled; a reply that cannot be sent is lost, as datagrams may be."""
    async for datagram, (host, port) in socket:
        reply = reply_to(datagram, host, port)
        if reply is not None:
            try:
                await socket.sendto(reply, host, port)
            except OSError:
                continue


def reply_to(datagram: bytes, host: str, port: int) -> bytes | None:
    """
    Returns the reply to a binding request from an address, or nothing for what is none.

    A request that needs something understood is refused with 420 (RFC 8489 section 6.3.1).
    """
    if len(datagram) < _HEAD.size:
        return None
    kind, length, cookie, transaction = _HEAD.unpack_from(datagram)
    if (kind, cookie) != (_REQUEST, COOKIE) or length != len(datagram) - _HEAD.size:
        return None
    needed = _needed(datagram[_HEAD.size :])
    if needed is None:
        return None
    if needed:
        names = struct.pack(f"!{len(needed)}H", *needed)
        refusal = struct.pack("!HBB", 0, 4, 20) + b"Unknown Attribute"
        body = _attribute(_ERROR_CODE, refusal) + _attribute(_UNKNOWN_ATTRIBUTES, names)
        return _HEAD.pack(_ERROR, len(body), COOKIE, transaction) + body
    body = _attribute(_XOR_MAPPED_ADDRESS, _mapped(host, port, transaction))
    return _HEAD.pack(_SUCCESS, len(body), COOKIE, transaction) + body


def _needed(attributes: bytes) -> list[int] | None:
    """Returns the attributes that must be understood; `None` if they are no attributes at all."""
    needed: list[int] = []
    while attributes:
        if len(attributes) < _ATTRIBUTE.size:
            return None
        kind, length = _ATTRIBUTE.unpack_from(attributes)
        end = _ATTRIBUTE.size + length + -length % 4
        if end > len(attributes):
            return None
        if kind < _OPTIONAL:
            needed.append(kind)
        attributes = attributes[end:]
    return needed


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _mapped(host: str, port: int, transaction: bytes) -> bytes:
    """Returns the value of XOR-MAPPED-ADDRESS (RFC 8489 section 14.2)."""
    address = ip_address(host.partition("%")[0])
    mask = struct.pack("!I", COOKIE) + transaction
    hidden = bytes(a ^ b for a, b in zip(address.packed, mask, strict=False))
    return struct.pack("!BBH", 0, 1 if address.version == 4 else 2, port ^ COOKIE >> 16) + hidden
