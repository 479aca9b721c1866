"""
What is done inside aioice, below aiortc, because nothing public does it.

The rules are those of media/aiortc_internals.py, where the versions that are known stand as well.

With others, this is lost:

- `gather_otherwise`: the first STUN and the first TURN server are asked, for five seconds, and no reason is
  known; where a machine has nothing but loopback, no candidate is found;
- `restart_ice`: when the other side restarts ICE, the connection ends with the consent of the old one;
- `check_late_candidates`: after a restart of ICE only the other side finds new paths;
- `ask_peer`: a peer that is silent is given up when its consent expires, after thirty seconds;
- `own_hosts`: the same where an address of this machine is gone;
- `chosen_path`: nobody learns whether media come directly or by way of a relay.
"""

import logging
import re
from collections.abc import Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from odyssey_anyio.media.aiortc_internals import known_ice
from odyssey_anyio.media.handshakes import repeat_checks
from odyssey_anyio.media.servers import Question, Server, ServerSearch
from odyssey_proto.kernel.secret import revealed

logger: logging.Logger = logging.getLogger("odyssey.media")

_CANDIDATES = "get_component_candidates"


def restart_ice(pc: Any, sdp: str) -> bool:
    """
    Lets a connection go on with the other side's new ICE credentials (RFC 8839 section 4.4.1.1.1).

    aiortc takes them when it starts, and never again.
    The path in use stays in use until the other side nominates another one.
    Returns whether they are new and could be given.
    """
    fragment, password = (re.search(rf"^a=ice-{name}:(\S+)", sdp, re.MULTILINE) for name in ("ufrag", "pwd"))
    if not known_ice() or fragment is None or password is None:
        return False
    restarted = False
    for gatherer, connection in _ice(pc):
        if connection.remote_username not in (None, fragment[1]):
            connection.remote_username, connection.remote_password = fragment[1], password[1]
            gatherer._remote_candidates_end = connection._remote_candidates_end = False
            restarted = True
    return restarted


def check_late_candidates(pc: Any) -> None:
    """Has paths tried that were found after a connection was made, as after a restart of ICE."""
    if not known_ice():
        return
    for _, connection in _ice(pc):
        for pair in list(connection._check_list) if connection._check_list_done else []:
            if pair.task is None and pair.state.name in ("FROZEN", "WAITING"):
                connection.check_start_task(pair)


def _ice(pc: Any) -> list[tuple[Any, Any]]:
    """Returns the gatherer and the ICE connection of each transport that is in use."""
    users = [transceiver.receiver for transceiver in pc.getTransceivers()]
    gatherers = {user.transport.transport.iceGatherer for user in (*users, pc.sctp) if user is not None}
    return [(each, each._connection) for each in gatherers if not each._connection._closing]


async def ask_peer(pc: Any) -> bool:
    """Asks the other side whether it is there; returns whether it answers."""
    from aioice import stun

    answered = False
    for _, connection in _ice(pc) if known_ice() else []:
        for pair in list(connection._nominated.values()):
            request = connection.build_request(pair, nominate=False)
            key = connection.remote_password.encode()
            try:
                await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=1)
            except (stun.TransactionError, OSError) as error:
                logger.debug("the other side does not answer: %s", type(error).__name__)
            else:
                answered = True
    return answered


def own_hosts(pc: Any) -> list[str]:
    """Returns the addresses of this machine by which the connection goes directly."""
    return [pair.local_candidate.host for pair in _pairs(pc) if pair.local_candidate.type == "host"]


def chosen_path(pc: Any) -> tuple[str, str] | None:
    """Returns the kinds of the two candidates that a connection uses, ours first; nothing without one."""
    return next(((pair.local_candidate.type, pair.remote_candidate.type) for pair in _pairs(pc)), None)


def _pairs(pc: Any) -> list[Any]:
    """Returns the pairs of candidates that are in use."""
    connections = [connection for _, connection in _ice(pc)] if known_ice() else []
    return [pair for connection in connections for pair in connection._nominated.values()]


def gather_otherwise(pc: Any, addresses: Callable[[], list[str]], search: ServerSearch) -> bool:
    """
    Lets a connection that has not gathered yet ask servers by a search of ours.

    Where it finds no address of its own it uses others, unless it may use relays only.
    Returns whether it does, and every transport below it.
    """
    connections = [connection for _, connection in _ice(pc)]
    if not known_ice() or not all(
        iscoroutinefunction(getattr(each, _CANDIDATES, None)) for each in connections
    ):
        return False
    for each in connections:
        # What it would ask by itself.
        each.stun_server = each.turn_server = None
        setattr(each, _CANDIDATES, _with_search(each, getattr(each, _CANDIDATES), addresses, search))
    return True


def _with_search(connection: Any, gather: Any, others: Callable[[], list[str]], search: ServerSearch) -> Any:
    from aioice.ice import StunProtocol, TransportPolicy, relayed_candidate, server_reflexive_candidate

    relay_only = connection._transport_policy is TransportPolicy.RELAY

    async def get_component_candidates(component: int, addresses: list[str], **more: Any) -> Any:
        hosts = await gather(component, addresses if relay_only else addresses or others(), **more)
        for protocol in connection._protocols:
            repeat_checks(connection, protocol)
        sockets = [each for each in connection._protocols if ":" not in each.local_candidate.host]

        async def reflexive(protocol: Any, server: Server) -> Any:
            return (await server_reflexive_candidate(protocol, (server.host, server.port)))[0]

        async def relay(server: Server) -> Any:
            candidate, protocol = await relayed_candidate(
                component=component,
                hide_related_address=relay_only,
                protocol_factory=lambda: StunProtocol(connection),
                turn_server=(server.host, server.port),
                turn_username=revealed(server.username),
                turn_password=revealed(server.credential),
                turn_ssl=server.tls,
                turn_transport=server.transport,
            )
            connection._protocols.append(protocol)
            repeat_checks(connection, protocol)
            return candidate

        def questions(server: Server) -> list[Question]:
            if server.kind == "stun":
                return [partial(reflexive, protocol, server) for protocol in sockets]
            return [partial(relay, server)]

        return hosts + await search.ask(questions)

    return get_component_candidates
