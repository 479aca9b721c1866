"""The networks in which clients are watched: what is the matter with each, when, and for how long."""

import time
from collections.abc import Callable
from typing import Any

from attrs import field, frozen


@frozen
class Stage:
    """What a condition may lay hands on."""

    viewer: Any
    """The client: its link and its machine (`house.far_programs.Viewer`)."""
    relays: Any
    """The machine of the service (`house.far_programs.Relays`)."""
    flows: set[Any]
    """The connections that were seen on the link."""


@frozen
class Condition:
    """What becomes of a network."""

    name: str
    strike: Callable[[Stage], None]
    """Makes the network what it is from then on."""
    lasts: float = 12.0
    """For how long, in seconds."""
    watched: float = 0.0
    """For how long it is watched after that, while the network is good again, in seconds."""
    from_start: bool = False
    """Whether it is there before the connect; otherwise it strikes a stream that runs."""
    servers: Callable[[Any], list[Any]] = field(default=lambda relays: [])
    """The TURN servers that the service names."""
    usual: Callable[[Stage], None] = field(default=lambda stage: stage.viewer.link.become())
    """Makes the network what it is before and after."""


def _link(**conditions: object) -> Callable[[Stage], None]:
    return lambda stage: stage.viewer.link.become(**conditions)


def _is_udp(packet: bytes) -> bool:
    from house.link import UDP, protocol

    return bool(protocol(packet) == UDP)


def _large_tcp(packet: bytes) -> bool:
    return not _is_udp(packet) and len(packet) > 1200


def _relay_away(stage: Stage) -> None:
    from house.link import ports

    port = stage.relays.turn_port
    stage.viewer.link.become(lost=lambda packet: _is_udp(packet) or port in ports(packet))


def _note_flows(stage: Stage) -> None:
    from house.link import flow

    def note(packet: bytes) -> bool:
        stage.flows.add(flow(packet))
        return False

    stage.viewer.link.become(lost=note)


def _forget_flows(stage: Stage) -> None:
    from house.link import flow

    forgotten = frozenset(stage.flows)
    stage.viewer.link.become(lost=lambda packet: flow(packet) in forgotten)


def _change_address(stage: Stage) -> None:
    stage.viewer.do("address 10.9.0.77")


def _turn(url: str, *, seconds: float = 86_400, password: str | None = None) -> Any:
    from house.far_programs import TurnServer
    from house.turn_server import credentials_until

    user, good = credentials_until(time.time() + seconds)
    return TurnServer(url, user, good if password is None else password)


_NO_UDP: dict[str, Any] = {"strike": _link(lost=_is_udp), "from_start": True}


def _away(seconds: float, watched: float) -> Condition:
    return Condition(f"the link away for {seconds:g} s", _link(away=True), seconds, watched)


CONDITIONS = (
    _away(1, 8),
    _away(5, 10),
    _away(15, 10),
    _away(60, 40),
    Condition("jitter of 100 ms", _link(delay=0.1, jitter=0.1)),
    Condition("reordering of 10 %", _link(delay=0.03, reordered=0.1)),
    Condition("500 kbit/s", _link(rate=500_000)),
    Condition("loss of 5 %", _link(loss=0.05)),
    Condition("loss of 20 %, from the start", _link(loss=0.2), 15, from_start=True),
    Condition("300 ms, from the start", _link(delay=0.15), 15, from_start=True),
    Condition("the address of the client changes", _change_address, 40),
    Condition("a NAT forgets its mappings", _forget_flows, 40, usual=_note_flows),
    Condition("UDP stops to pass", _link(lost=_is_udp), 40),
    Condition(
        "UDP forbidden from the start, TURN over TCP",
        lasts=15,
        servers=lambda relays: [_turn(relays.udp), _turn(relays.tcp)],
        **_NO_UDP,
    ),
    Condition(
        "TURN over TCP, its connection away for 5 s",
        _relay_away,
        5,
        12,
        servers=lambda relays: [_turn(relays.tcp)],
        usual=_link(lost=_is_udp),
    ),
    Condition(
        "the first TURN server dead, UDP forbidden",
        lasts=15,
        servers=lambda relays: [_turn("turn:10.9.0.99:3478?transport=tcp"), _turn(relays.tcp)],
        **_NO_UDP,
    ),
    Condition(
        "wrong TURN credentials, UDP forbidden",
        lasts=35,
        servers=lambda relays: [_turn(relays.tcp, password="wrong")],
        **_NO_UDP,
    ),
    Condition(
        "unknown authority of a TLS TURN server, UDP forbidden",
        lasts=35,
        servers=lambda relays: [_turn(relays.tls)],
        **_NO_UDP,
    ),
    Condition("a path-MTU hole on TCP", _link(lost=_large_tcp), 35, from_start=True),
)
