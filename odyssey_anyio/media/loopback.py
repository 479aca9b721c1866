"""
Candidates on a machine that has no network: loopback, where there is no other address.

aioice leaves 127.0.0.1 and ::1 out, since nobody else can reach them (RFC 8445 section 5.1.1.1).
Where a machine has nothing else, as a container without a network, two programs on it find each other there.
Nothing public of aiortc adds a candidate, so the connections of aioice are given these addresses in the place
of none: each by itself, and only where it has the shape that is known.
"""

import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

LOOPBACK = ("127.0.0.1", "::1")


def allow_loopback(pc: Any) -> None:
    """Lets a connection that has not gathered yet find candidates on loopback if there are no others."""
    for connection in _connections(pc):
        candidates = getattr(connection, "get_component_candidates", None)
        if callable(candidates) and not isinstance(candidates, partial):
            connection.get_component_candidates = partial(_candidates, connection, candidates)


async def _candidates(
    connection: Any, candidates: Any, component: int, addresses: list[str], **more: Any
) -> Any:
    # With relays only, nobody is to know an address.
    relay_only = getattr(getattr(connection, "_transport_policy", None), "name", "") == "RELAY"
    return await candidates(component, addresses if addresses or relay_only else loopback(), **more)


def loopback() -> list[str]:
    """Returns the addresses of loopback that this machine has."""
    return [address for address in LOOPBACK if _exists(address)]


def _exists(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _connections(pc: Any) -> Iterator[Any]:
    """Returns the connections of aioice below one of aiortc."""
    transports = [transceiver.receiver.transport for transceiver in pc.getTransceivers()]
    if pc.sctp is not None:
        transports.append(pc.sctp.transport)
    for transport in transports:
        connection = getattr(transport.transport.iceGatherer, "_connection", None)
        if connection is not None:
            yield connection
