"""
Which edges of tables runs have taken, and which changes of status they showed.

The tables are those of the conversations, and what the heads of client/recovery/recovery.py and
client/live/path_check.py say of their states.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from itertools import pairwise
from typing import Any

from attrs import field, frozen

from odyssey_proto.client.live.path_check import PathCheck, PathCheckState
from odyssey_proto.client.recovery.recovery import Recovery, RecoveryState
from odyssey_proto.conversations import signaling, stream
from odyssey_proto.conversations.conversation import Side
from odyssey_proto.model.events import ConnectionStatus

type Edge = tuple[str, str, str, str]
"""Table, state, who says something, and what; of a part `becomes` and the next state instead."""

TABLES = {"signaling": signaling, "stream": stream}
"""Where each table stands, as `SIGNALING_TABLE` and `STREAM_TABLE`."""

STATES: dict[str, tuple[type[Any], tuple[tuple[Enum, Enum], ...]]] = {
    "recovery": (
        Recovery,
        (
            (RecoveryState.IDLE, RecoveryState.WAITING),
            (RecoveryState.IDLE, RecoveryState.RENEWING),
            (RecoveryState.WAITING, RecoveryState.RESTORING),
            (RecoveryState.WAITING, RecoveryState.IDLE),
            (RecoveryState.RESTORING, RecoveryState.WAITING),
            (RecoveryState.RESTORING, RecoveryState.IDLE),
            (RecoveryState.RENEWING, RecoveryState.RESTORING),
            (RecoveryState.RENEWING, RecoveryState.IDLE),
        ),
    ),
    "path_check": (
        PathCheck,
        (
            (PathCheckState.IDLE, PathCheckState.ASKING),
            (PathCheckState.ASKING, PathCheckState.REACHED),
            (PathCheckState.ASKING, PathCheckState.IDLE),
            (PathCheckState.REACHED, PathCheckState.IDLE),
        ),
    ),
}
"""Which state may follow which, in parts of the client without a table; an end makes each of them `IDLE`."""

_STATE = "state"

NEVER_TAKEN: dict[Edge, str] = {
    **{
        ("signaling", "LEFT", "server", message): "a client that has left reads nothing any more"
        for message in ("Offer", "IceCandidate", "SignalingError", "Unknown")
    },
    **{
        ("stream", state, "client", "Unknown"): "our client says nothing unknown, our streamer ignores it"
        for state in ("IDLE", "STARTING", "LIVE", "UNCERTAIN", "ENDING")
    },
}
"""Edges that no run can take, each with the reason."""


@frozen
class Coverage:
    """How often each edge was taken, and each status followed another."""

    edges: Counter[Edge] = field(factory=Counter)
    statuses: Counter[tuple[ConnectionStatus, ConnectionStatus]] = field(factory=Counter)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Counts the edges that are taken by what begins inside the block, in this process."""
        tables = {name: getattr(module, _attribute(name)) for name, module in TABLES.items()}
        for name, table in tables.items():
            setattr(TABLES[name], _attribute(name), _CountedTable(name, table, self.edges))
        for name, (part, _) in STATES.items():
            setattr(part, _STATE, _CountedState(name, self.edges))
        try:
            yield
        finally:
            for part, _ in STATES.values():
                delattr(part, _STATE)
            for name, table in tables.items():
                setattr(TABLES[name], _attribute(name), table)

    def add_statuses(self, statuses: list[ConnectionStatus]) -> None:
        """Counts what a client went through."""
        self.statuses.update(pairwise([ConnectionStatus.DISCONNECTED, *statuses]))

    def add(self, other: "Coverage") -> None:
        """Adds what others counted."""
        self.edges.update(other.edges)
        self.statuses.update(other.statuses)

    def missing(self) -> list[Edge]:
        """Returns the edges that were never taken although they can be."""
        return [edge for edge in all_edges() if not self.edges[edge] and edge not in NEVER_TAKEN]


class _CountedTable(dict[tuple[Enum, Side, type[Any]], Enum]):
    def __init__(
        self, name: str, table: dict[tuple[Enum, Side, type[Any]], Enum], edges: Counter[Edge]
    ) -> None:
        super().__init__(table)
        self._edges = edges
        self._named = {key: (_edge(name, *key), following) for key, following in table.items()}

    def get(self, key: Any, default: Any = None, /) -> Any:
        edge, following = self._named.get(key, (None, default))
        if edge is not None:
            self._edges[edge] += 1
        return following


class _CountedState:
    """Takes the place of the state of every such part, whose value stays where it is."""

    def __init__(self, name: str, edges: Counter[Edge]) -> None:
        self._name = name
        self._edges = edges

    def __get__(self, part: object, owner: type[Any]) -> Enum:
        state: Enum = vars(part)[_STATE]
        return state

    def __set__(self, part: object, state: Enum) -> None:
        before = vars(part).get(_STATE, state)
        if before is not state:
            self._edges[_state_edge(self._name, before, state)] += 1
        vars(part)[_STATE] = state


def all_edges() -> list[Edge]:
    """Returns every edge of every table."""
    tables = {name: getattr(module, _attribute(name)) for name, module in TABLES.items()}
    said = [_edge(name, *key) for name, table in tables.items() for key in table]
    return said + [_state_edge(name, *states) for name, (_, edges) in STATES.items() for states in edges]


def _attribute(name: str) -> str:
    return f"{name.upper()}_TABLE"


def _state_edge(name: str, before: Enum, following: Enum) -> Edge:
    return name, before.name, "becomes", following.name


def _edge(table: str, state: Enum, sender: Side, message: type[Any]) -> Edge:
    return table, state.name, sender.value, message.__name__
