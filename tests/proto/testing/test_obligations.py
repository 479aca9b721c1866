"""What a client owes is held against it: each thing that it might do wrong is found."""

from typing import Any

import pytest

from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Deadline, Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.events import Connected, Disconnected
from odyssey_proto.model.ice import IceConfig
from odyssey_proto.seam.commands import Command, CommandId, Connect
from odyssey_proto.seam.http import ExchangeId, HttpRequest
from odyssey_proto.seam.inputs import FetchId, PeerId, SocketClosed, SocketId, SocketOpened, SocketText, Wake
from odyssey_proto.seam.outputs import (
    AskKeyframe,
    CloseSocket,
    Completed,
    DropPeer,
    DropSocket,
    Failed,
    Fetch,
    Happened,
    MakePeer,
    OpenSocket,
    Progressed,
    Request,
    SendText,
    StoreBody,
)
from odyssey_proto.testing.obligations import GOODBYE, Obligations

COMMAND, SOCKET, PEER = CommandId(1), SocketId(1), PeerId(1)
GIVEN = (Command(COMMAND, Connect()), ())
ASKED = (Wake(), (OpenSocket(SOCKET, "ws://a"),))
OPENED = (SocketOpened(SOCKET), ())
OFFERED = (SocketText(SOCKET, "offer"), (MakePeer(PEER, IceConfig()),))
FETCH = Fetch(FetchId(1), COMMAND, Secret("https://a"), (), 1)
FAILED = Failed(COMMAND, Failure(FailureKind.TIMED_OUT, "too late"))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([(Wake(), (Completed(COMMAND),))], "a command ends once"),
        ([GIVEN, (Wake(), (Completed(COMMAND), FAILED))], "a command ends once"),
        ([(Wake(), (SendText(SOCKET, "x"),))], "a socket that is not open"),
        ([ASKED, (Wake(), (SendText(SOCKET, "x"),))], "a socket that is not open"),
        ([ASKED, (Wake(), (CloseSocket(SOCKET),))], "a socket that is not open"),
        ([ASKED, OPENED, (SocketClosed(SOCKET, 1000), (SendText(SOCKET, "x"),))], "not open"),
        ([ASKED, OPENED, (Wake(), (CloseSocket(SOCKET),))], "goodbye first"),
        ([ASKED, OPENED, (Wake(), (DropSocket(SOCKET),))], "goodbye first"),
        ([ASKED, OPENED, OFFERED, (Wake(), (DropPeer(PEER), SendText(SOCKET, GOODBYE)))], "goodbye first"),
        ([(Wake(), (AskKeyframe(PEER),))], "a peer that is not there"),
        ([(Wake(), (DropPeer(PEER),))], "dropped once"),
        ([(Wake(), (FETCH,))], "a fetch for a command that has ended"),
        ([GIVEN, (Wake(), (FETCH, FETCH))], "one fetch after the other"),
        ([(Wake(), (StoreBody(FetchId(1), None),))], "a body that nobody fetches"),
        ([(Wake(), (Progressed(COMMAND, None),))], "progress of a command that has ended"),  # type: ignore[arg-type]  # what of
        ([(Wake(), (Happened(Disconnected()),))], "a connection is over once"),
    ],
)
def test_what_is_owed_at_each_step(steps: list[tuple[Any, tuple[Any, ...]]], words: str) -> None:
    obligations = Obligations()
    *before, (inp, outputs) = steps
    for earlier, given in before:
        obligations.check(Instant(0), earlier, list(given), None)
    with pytest.raises(AssertionError, match=words):
        obligations.check(Instant(0), inp, list(outputs), None)


def test_a_deadline_lies_ahead() -> None:
    with pytest.raises(AssertionError, match="a deadline lies ahead"):
        Obligations().check(Instant(5), Wake(), [], Deadline(Instant(5), next(iter(ClientTimer))))


@pytest.mark.parametrize(
    "step",
    [
        GIVEN,
        ASKED,
        (Wake(), (Request(ExchangeId(1), HttpRequest("GET", "https://a")),)),
        (Wake(), (MakePeer(PEER, IceConfig()),)),
        (Wake(), (Happened(Connected("s")),)),
        (Command(COMMAND, Connect()), (FETCH, Completed(COMMAND))),
    ],
)
def test_what_is_left_in_the_end_is_found(step: tuple[Any, tuple[Any, ...]]) -> None:
    obligations = Obligations()
    obligations.settled()
    obligations.check(Instant(0), step[0], list(step[1]), None)
    with pytest.raises(AssertionError):
        obligations.settled()
