"""ICE servers as aiortc wants them: one STUN and one TURN server at a time, and never its default."""

from collections.abc import Iterator
from typing import Any

from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.ice import IceConfig, IceServer

MAX_TRIES = 3
"""The most sets of servers that are tried, one after another, when gathering takes too long."""


def choices(ice: IceConfig) -> Iterator[tuple[IceServer, ...]]:
    """
    Returns the sets of servers to try, in order.

    aiortc uses the first STUN and the first TURN server only, so the first set has one of each in
    the service's order, the next set the next of each.
    Where direct connections are allowed, the last set is empty: host candidates still serve.
    """
    stun = [one for server in ice.servers for one in _split(server, "stun")]
    turn = [one for server in ice.servers for one in _split(server, "turn")]
    usable = [] if ice.relay_only else stun
    rounds = min(max(len(usable), len(turn)), MAX_TRIES - 1 if not ice.relay_only else MAX_TRIES)
    for index in range(rounds):
        yield (*usable[index : index + 1], *turn[index : index + 1])
    if not ice.relay_only:
        yield ()


def configuration(servers: tuple[IceServer, ...], ice: IceConfig) -> Any:
    """Returns aiortc's configuration; raises `ValueError` for a malformed address."""
    from aiortc import RTCConfiguration, RTCIceServer
    from aiortc.rtcconfiguration import RTCIceTransportPolicy
    from aiortc.rtcicetransport import parse_stun_turn_uri

    for server in servers:
        for url in server.urls:
            parse_stun_turn_uri(url)
    return RTCConfiguration(
        iceServers=[
            RTCIceServer(
                urls=list(server.urls),
                username=_open(server.username),
                credential=_open(server.credential),
            )
            for server in servers
        ],
        iceTransportPolicy=RTCIceTransportPolicy.RELAY if ice.relay_only else RTCIceTransportPolicy.ALL,
    )


def _split(server: IceServer, kind: str) -> Iterator[IceServer]:
    for url in server.urls:
        # aiortc cannot read the literal of an IPv6 address; other ways are found without it.
        if url.startswith(kind) and "[" not in url:
            yield IceServer((url,), server.username, server.credential)


def _open(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()
