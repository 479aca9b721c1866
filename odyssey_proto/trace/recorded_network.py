"""
The network of a trace, for a core that does things in another order than the recorded one.

A core that asks at once what was asked in turn cannot be given the inputs of a trace one after the
other.
What still holds is less:

- A reply follows its own request, as long after it as in the trace.
- What sockets and peers bring follows what the core had done with them, as long after it as in the trace.
- So does what a download brings, each by itself.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import evolve, frozen

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.refusals import detail_reply
from odyssey_proto.seam.commands import Command
from odyssey_proto.seam.inputs import Replied, Wake
from odyssey_proto.seam.outputs import (
    CancelFetch,
    CancelRequest,
    ChannelSend,
    CloseSocket,
    DropPeer,
    DropSocket,
    Fetch,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    OpenSocket,
    PingSocket,
    Request,
    SendText,
    SetRemote,
    StoreBody,
)
from odyssey_proto.trace.values import Step

NOT_RECORDED = 400
"""The status that answers a request which is not in the trace: one after which nobody tries again."""


type Name = tuple[str, int]
"""What an input or output is about: `socket`, `peer` or `fetch`, and its number."""


@frozen
class Came:
    """An input of the recorded core."""

    at: Instant
    step: int
    """The number of its step, which says what comes first of two things at the same time."""
    inp: Any


@frozen
class Did:
    """Something that the recorded core did with a socket, a peer or a download."""

    at: Instant
    what: str
    """By what it is recognised: see `recognised`."""
    name: Name
    """The socket, peer or download, by its recorded number."""


class RecordedNetwork:
    """Obeys a core with what came in a trace, in the numbers that this core gives to things."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.unknown: list[str] = []
        """What the core did that is not in the trace."""
        self._requests: list[tuple[Instant, Request]] = []
        self._replies: dict[int, list[Came]] = {}
        conversations: dict[Any, list[Did | Came]] = {}
        for index, step in enumerate(steps):
            came = Came(step.at, index, step.inp)
            if hasattr(step.inp, "exchange"):
                self._replies.setdefault(step.inp.exchange, []).append(came)
            elif not isinstance(step.inp, Command | Wake):
                conversations.setdefault(_group(step.inp), []).append(came)
            for output in step.outputs:
                if isinstance(output, Request):
                    self._requests.append((step.at, output))
                elif (what := recognised(output)) is not None:
                    did = Did(step.at, what, _name_of(output))
                    conversations.setdefault(_group(output), []).append(did)
        self._conversations = tuple(map(_Conversation, conversations.values()))
        self._coming: list[tuple[Instant, Came]] = []
        self._numbers: dict[Name, int] = {}

    def obey(self, now: Instant, output: Any) -> None:
        """Takes what the core wants done."""
        match output:
            case Request():
                self._ask(now, output)
            case CancelRequest(exchange):
                self._coming = [due for due in self._coming if due[1].inp.exchange != exchange]
            case DropSocket() | DropPeer():
                self._numbers.pop(self._recorded(output), None)
            case _ if (what := recognised(output)) is not None:
                opens = isinstance(output, OpenSocket | MakePeer | Fetch)
                known = None if opens else self._recorded(output)
                names = (each.did(now, what, known) for each in self._conversations)
                name = next((each for each in names if each is not None), None)
                if name is None:
                    self.unknown.append(what)
                elif opens:
                    self._numbers[name] = _name_of(output)[1]
            case _:
                pass

    @property
    def due(self) -> tuple[Instant, Came] | None:
        """The next input and when it comes, if one comes by itself."""
        found = [due for each in self._conversations if (due := each.due) is not None]
        return min([*self._coming, *found], key=lambda due: (due[0], due[1].step), default=None)

    def take(self, now: Instant) -> Any:
        """Takes out the input that is due; `None` if the core let go of what it belongs to."""
        due = self.due
        assert due is not None, "the caller asked whether anything is due"
        if due in self._coming:
            self._coming.remove(due)
            return due[1].inp
        next(each for each in self._conversations if each.due == due).take(now)
        kind, recorded = _name_of(due[1].inp)
        number = self._numbers.get((kind, recorded))
        return None if number is None else evolve(due[1].inp, **{kind: number})

    def missing(self, until: Instant) -> tuple[str, ...]:
        """Returns what the recorded core had done at a time, and this one has not until now."""
        requests = (_words(request) for at, request in self._requests if at <= until)
        return (*requests, *(what for each in self._conversations for what in each.missing(until)))

    def _ask(self, now: Instant, asked: Request) -> None:
        same = [each for each in self._requests if _words(each[1]) == _words(asked)]
        if not same:
            self.unknown.append(_words(asked))
            refusal = detail_reply(NOT_RECORDED, "not in the trace")
            self._coming.append((now, Came(now, -1, Replied(asked.exchange, refusal))))
            return
        equal = (each for each in same if each[1].request == asked.request)
        at, recorded = found = next(equal, same[0])
        self._requests.remove(found)
        for reply in self._replies.get(recorded.exchange, ()):
            came = evolve(reply, inp=evolve(reply.inp, exchange=asked.exchange))
            self._coming.append((Instant(now + reply.at - at), came))

    def _recorded(self, output: Any) -> Name:
        """Returns the recorded name of what an output is about, or a name that no trace has."""
        kind, number = _name_of(output)
        found = (name for name, known in self._numbers.items() if (name[0], known) == (kind, number))
        return next(found, (kind, -1))


class _Conversation:
    """A conversation: what the core has to do, and what comes then."""

    def __init__(self, items: Iterable[Did | Came]) -> None:
        self._items = tuple(items)
        self._next = 0
        self._since = Instant(0)
        self._done: dict[int, Instant] = {}

    def did(self, now: Instant, what: str, name: Name | None) -> Name | None:
        """Takes what the core does next of a kind, with anything or by name; returns the recorded name."""
        for index in range(self._next, len(self._items)):
            item = self._items[index]
            if not isinstance(item, Did) or index in self._done:
                continue
            if item.what == what and name in (None, item.name):
                self._done[index] = now
                self._pass()
                return item.name
        return None

    @property
    def due(self) -> tuple[Instant, Came] | None:
        """The next input and when it comes; `None` if none is left, or the core has to act first."""
        item = self._item
        if not isinstance(item, Came):
            return None
        before = self._items[self._next - 1].at if self._next else Instant(0)
        return Instant(self._since + item.at - before), item

    def take(self, now: Instant) -> None:
        """Takes out the input that is due."""
        self._since = Instant(max(self._since, now))
        self._next += 1
        self._pass()

    def missing(self, until: Instant) -> Iterator[str]:
        """Returns what should have been done at a time, and is not."""
        for index, item in enumerate(self._items[self._next :], self._next):
            if isinstance(item, Did) and item.at <= until and index not in self._done:
                yield item.what

    @property
    def _item(self) -> Did | Came | None:
        return self._items[self._next] if self._next < len(self._items) else None

    def _pass(self) -> None:
        while self._next in self._done:
            self._since = Instant(max(self._since, self._done.pop(self._next)))
            self._next += 1


def recognised(output: Any) -> str | None:
    """
    Returns by what one knows again what a core does with a socket, a peer or a download.

    `None` for what no answer depends on: signs of life, candidates, and letting go.
    """
    match output:
        case OpenSocket(_, url):
            return f"open {url}"
        case SendText(_, text):
            return None if (kind := signaling_kind(text)) is None else f"send {kind}"
        case ChannelSend(_, label, text):
            return f"send {channel_kind(text)} on {label}"
        case SetRemote(_, kind):
            return f"set the remote {kind.value}"
        case Fetch():
            # Its address is a secret.
            return f"fetch for command {output.command}"
        case (
            PingSocket()
            | CloseSocket()
            | MakePeer()
            | MakeAnswer()
            | MakeOffer()
            | StoreBody()
            | CancelFetch()
        ):
            return type(output).__name__
        case _:
            return None


UNREADABLE = "an unreadable message"


def signaling_kind(text: str) -> str | None:
    """Returns the kind of a message on the WebSocket; `None` for a sign of life or a candidate."""
    try:
        message = signaling.decode(text)
    except RemoteProtocolError:
        return UNREADABLE
    return None if isinstance(message, signaling.KeepAlive | signaling.IceCandidate) else _kind(message)


def channel_kind(text: str) -> str:
    """Returns the kind of a message on the data channel."""
    try:
        return _kind(stream.decode(text))
    except RemoteProtocolError:
        return UNREADABLE


def _kind(message: object) -> str:
    return f"type {message.type!r}" if isinstance(message, signaling.Unknown) else type(message).__name__


def _words(asked: Request) -> str:
    return f"{asked.request.method} {asked.request.url}"


def _name_of(value: Any) -> Name:
    kind = next(kind for kind in ("socket", "peer", "fetch") if hasattr(value, kind))
    return kind, getattr(value, kind)


def _group(value: Any) -> Name | None:
    """Returns the conversation that an input or output belongs to: a download, or sockets and peers."""
    name = _name_of(value)
    return name if name[0] == "fetch" else None
