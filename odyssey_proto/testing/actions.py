"""
What may happen to a client, as values: each can be carried out in any situation, where it is possible.

`samples` has some of every kind, `strategies.clients` draws scripts of them.
"""

from contextlib import suppress
from typing import Any, assert_never

from attrs import evolve, frozen

from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Instant, Span
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    ABNORMAL_CLOSURE,
    ExchangeFailed,
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchOpened,
    MediaInput,
    Replied,
    SocketClosed,
    SocketRefused,
    SocketText,
    TransportError,
    TransportErrorKind,
    Wake,
)
from odyssey_proto.testing.hand_driven import HandDriven


@frozen
class Give:
    """The application gives a command; nothing has changed if it is refused."""

    what: Any


@frozen
class GoesWell:
    """The next thing goes well."""

    choice: int = 0


@frozen
class Reply:
    """One of the requests under way gets this reply."""

    choice: int
    reply: HttpReply


@frozen
class FailRequest:
    """One of the requests under way gets no reply."""

    choice: int
    kind: TransportErrorKind


@frozen
class OpenFetch:
    """One of the fetches under way gets the head of a reply."""

    choice: int
    head: HttpReply


@frozen
class FetchBytes:
    """So many bytes of a fetch have come; one that was broken off may still count what came until then."""

    choice: int
    count: int


@frozen
class EndFetch:
    """The whole body of a fetch has come."""

    choice: int


@frozen
class FailFetch:
    """A fetch breaks, or the end of one that was broken off is reported."""

    choice: int
    kind: TransportErrorKind


@frozen
class RefuseSocket:
    """A handshake under way is refused."""

    reply: HttpReply


@frozen
class ServerText:
    """The signaling server says something."""

    text: str


@frozen
class CloseSocket:
    """The signaling server closes the socket, or it breaks."""

    code: int


@frozen
class Media:
    """The media engine reports this of the peer, whichever it is."""

    notice: MediaInput


@frozen
class Bring:
    """This very input comes, also if it is for something that is not there."""

    input: Any


@frozen
class Wait:
    """Time passes."""

    span: Span


@frozen
class Jump:
    """Time passes, but nobody wakes the client."""

    span: Span


@frozen
class ExtraWake:
    """The client is woken although nothing is due: nothing comes of it."""


@frozen
class ClockBack:
    """The clock goes back: the past counts as the present."""


type Action = (
    Give
    | GoesWell
    | Reply
    | FailRequest
    | OpenFetch
    | FetchBytes
    | EndFetch
    | FailFetch
    | RefuseSocket
    | ServerText
    | CloseSocket
    | Media
    | Bring
    | Wait
    | Jump
    | ExtraWake
    | ClockBack
)


def perform(world: HandDriven, action: Action) -> None:
    """Carries out one action on a client or a spectator, where it is possible."""
    owed = world.obligations
    match action:
        case Give(what):
            with suppress(LocalProtocolError):
                world.give(what)
        case GoesWell(choice):
            world.goes_well(choice)
        case Reply(choice, reply):
            for exchange in _picked(list(world.requests), choice):
                world.step(Replied(exchange, reply))
        case FailRequest(choice, kind):
            for exchange in _picked(list(world.requests), choice):
                world.step(ExchangeFailed(exchange, TransportError(kind)))
        case OpenFetch(choice, head):
            for fetch in _picked(list(owed.fetches), choice):
                world.step(FetchOpened(fetch, head))
        case FetchBytes(choice, count):
            for fetch in _picked([*owed.fetches, *owed.cancelled_fetches], choice):
                world.step(FetchedBytes(fetch, count))
        case EndFetch(choice):
            for fetch in _picked(list(owed.fetches), choice):
                world.step(FetchEnded(fetch))
        case FailFetch(choice, kind):
            for fetch in _picked([*owed.fetches, *owed.cancelled_fetches], choice):
                world.step(FetchFailed(fetch, TransportError(kind)))
        case RefuseSocket(reply):
            for socket in _picked([name for name, opened in owed.sockets.items() if not opened]):
                world.step(SocketRefused(socket, reply))
        case ServerText(text):
            for socket in _picked([name for name, opened in owed.sockets.items() if opened]):
                world.step(SocketText(socket, text))
        case CloseSocket(code):
            for socket in _picked(list(owed.sockets)):
                error = TransportError(TransportErrorKind.CLOSED) if code == ABNORMAL_CLOSURE else None
                world.step(SocketClosed(socket, code, "bye", error))
        case Media(notice):
            for peer in _picked(list(world.peers)):
                world.step(evolve(notice, peer=peer))
        case Bring(inp):
            world.step(inp)
        case Wait(span):
            world.wait(span)
        case Jump(span):
            world.jump(span)
        case ExtraWake():
            before = world.machine.deadline
            if before is None or before.at > world.now:
                assert world.step(Wake()) == [], "an extra wake changes nothing"
                assert world.machine.deadline == before
        case ClockBack():
            assert list(world.machine.step(Instant(0), Wake())) == [], "the past counts as the present"
        case _:
            assert_never(action)


def _picked[Name](names: list[Name], choice: int = 0) -> list[Name]:
    return names[choice % len(names) :][:1] if names else []
