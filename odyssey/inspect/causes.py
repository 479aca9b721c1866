"""Why something happened: what a record follows from, and what it answers."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from attrs import frozen

from odyssey.inspect.line import message_words
from odyssey_proto.messages.stream import START
from odyssey_proto.seam.commands import Abandon, Command
from odyssey_proto.seam.inputs import (
    ChannelText,
    ExchangeFailed,
    FetchFailed,
    FetchOpened,
    LocalDescription,
    PeerFailed,
    PeerState,
    PeerStateChanged,
    Replied,
    SocketAnswered,
    SocketClosed,
    SocketOpened,
    SocketRefused,
    Wake,
)
from odyssey_proto.seam.outputs import (
    CancelFetch,
    CancelRequest,
    ChannelSend,
    Completed,
    DropPeer,
    Failed,
    Fetch,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    OpenSocket,
    PingSocket,
    Request,
    SendText,
    StoreBody,
)
from odyssey_proto.service.io.seam import AcceptSocket, Answer, Asked, RefuseSocket, SendFile, SocketAsked
from odyssey_proto.trace.values import Record


@frozen
class Tie:
    """How a record hangs together with earlier ones, which are named by their numbers in the trace."""

    cause: int | None
    """What it follows from: for an output the input of its step, for an input what was done before."""
    answers: int | None = None
    """The question that it is the first and only answer to, such as the request of a reply."""


def ties(records: Iterable[Record]) -> tuple[Tie, ...]:
    """
    Returns for each record how it hangs together with those before.

    The wire has no correlation of messages: one that comes in counts as following the last that went
    out on the same socket or to the same peer.
    """
    table = _Table()
    return tuple(table.tie(number, record) for number, record in enumerate(records))


def chain(known: Sequence[Tie], number: int) -> tuple[int, ...]:
    """Returns the records that led to one, the first cause first, and the record itself last."""
    found = [number]
    while (cause := known[found[-1]].cause) is not None:
        found.append(cause)
    return tuple(reversed(found))


class _Table:
    """What was asked, and what happened last, by name."""

    def __init__(self) -> None:
        self._open: dict[Hashable, int] = {}
        self._last: dict[Hashable, int] = {}
        self._input: int | None = None
        self._waits: int | None = None

    def tie(self, number: int, record: Record) -> Tie:
        """Takes the next record, and returns how it hangs together with those before."""
        value = record.value
        if record.kind == "input":
            cause = self._before(value)
            self._input = number
        else:
            cause = self._input
        if record.kind == "deadline":
            self._waits = number if value is not None else None
            return Tie(cause)
        if record.kind == "refused":
            return Tie(cause, cause)
        answers = self._open.pop(answered(value), None)
        self._open.update(dict.fromkeys(_questions(value), number))
        self._last.update(dict.fromkeys(_leads(value), number))
        return Tie(cause, answers)

    def _before(self, inp: Any) -> int | None:
        if isinstance(inp, Wake):
            return self._waits
        for name in _follows(inp):
            if name in self._last:
                return self._last[name]
        return None


def answered(value: Any) -> Hashable:
    """Returns the name of the question that a value answers; `None` if it answers none."""
    match value:
        case Replied(exchange) | ExchangeFailed(exchange) | CancelRequest(exchange):
            return "exchange", exchange
        case FetchOpened(fetch) | FetchFailed(fetch) | CancelFetch(fetch):
            return "fetch", fetch
        case Answer(exchange) | SendFile(exchange):
            return "asked", exchange
        case SocketOpened(socket) | SocketRefused(socket) | SocketClosed(socket):
            return "opening", socket
        case SocketAnswered(socket):
            return "ping", socket
        case AcceptSocket(socket) | RefuseSocket(socket):
            return "handshake", socket
        case LocalDescription(peer):
            return "described", peer
        case (
            PeerStateChanged(peer, PeerState.CONNECTED | PeerState.FAILED) | PeerFailed(peer) | DropPeer(peer)
        ):
            return "peer", peer
        case Completed(command) | Failed(command):
            return "command", command
        case _:
            return None


def _questions(value: Any) -> tuple[Hashable, ...]:
    match value:
        case Request(exchange):
            return (("exchange", exchange),)
        case Fetch(fetch):
            return (("fetch", fetch),)
        case Asked(exchange):
            return (("asked", exchange),)
        case OpenSocket(socket):
            return (("opening", socket),)
        case PingSocket(socket):
            return (("ping", socket),)
        case SocketAsked(socket):
            return (("handshake", socket),)
        case MakeAnswer(peer) | MakeOffer(peer):
            return (("described", peer),)
        case MakePeer(peer):
            return (("peer", peer),)
        case Command(command):
            return (("command", command),)
        case _:
            return ()


def _leads(value: Any) -> tuple[Hashable, ...]:
    """Returns the names under which a record is remembered as the last that was done."""
    match value:
        case Command(command):
            return (("command", command),)
        case ChannelSend(peer):
            return ("peer", peer), _TALK
        case SendText(socket, text) if message_words(text)[0] == START.name:
            return ("socket", socket), _TALK
        case MakePeer(peer) | MakeAnswer(peer) | MakeOffer(peer) | DropPeer(peer):
            return (("peer", peer),)
        case Request(exchange) | CancelRequest(exchange) | Answer(exchange):
            return (("exchange", exchange),)
        case Fetch(fetch) | StoreBody(fetch) | CancelFetch(fetch):
            return (("fetch", fetch),)
        case _:
            named = getattr(value, "socket", None)
            return () if named is None else (("socket", named),)


def _follows(inp: Any) -> tuple[Hashable, ...]:
    """Returns the names of what an input may follow from, the likeliest first."""
    match inp:
        case Command(_, Abandon(command)):
            return (("command", command),)
        case ChannelText(peer):
            return _TALK, ("peer", peer)
        case _:
            names = ((name, getattr(inp, name, None)) for name in ("exchange", "fetch", "socket", "peer"))
            return tuple(each for each in names if each[1] is not None)


_TALK = "talk"
"""The last thing that was said about a stream, whichever way it went."""
