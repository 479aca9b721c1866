"""Leaving, wished or abandoned: everyone is released, and the server is told, whatever had been reached."""

import pytest
from core.gauntlet import advance, begun
from core.material import READY
from core.session import (
    SOCKET,
    last,
    live,
    outcome,
    reply,
    signaled,
    statuses,
    told,
    wait,
)

from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.messages import signaling
from odyssey_proto.model import events as e
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import (
    Abandon,
    CommandId,
    Disconnect,
    EndStream,
    Interact,
    StartStream,
)
from odyssey_proto.seam.http import HttpReply


def test_leaving_the_queue_leaves_nothing() -> None:
    world = begun(3)
    reply(world, HttpReply(503))
    world.command(Disconnect())
    assert outcome(world, 1).kind is FailureKind.CLOSED_LOCALLY
    assert outcome(world, 2) is None
    assert statuses(world)[-1] is S.DISCONNECTED
    assert world.client.deadline is None


def test_a_session_that_was_granted_while_leaving_is_given_back() -> None:
    world = begun(3)
    world.command(Disconnect())
    assert outcome(world, 1).kind is FailureKind.CLOSED_LOCALLY, "the caller is released at once"
    assert outcome(world, 2) is ...
    for _ in range(3):  # granted, session token, socket
        advance(world, 0)
    assert signaled(world) == [signaling.ClientDisconnecting()]
    del world.sockets[SOCKET]
    world.step(i.SocketClosed(SOCKET, 1000))
    assert outcome(world, 2) is None
    world.finish()


def test_a_goodbye_has_an_end_even_if_nobody_answers() -> None:
    world = begun(3)
    world.command(Disconnect())
    wait(world, 3)
    assert outcome(world, 2) is None
    assert world.client.deadline is None
    assert not world.pending


def test_the_server_is_told_before_media_is_torn_down() -> None:
    world = begun(READY)
    world.command(Disconnect())
    told_first = [type(out) for out in last(world) if not isinstance(out, o.Happened)]
    assert told_first == [o.SendText, o.CloseSocket, o.DropPeer]
    assert told(world)[-2:] == [e.StatusChanged(S.DISCONNECTED), e.Disconnected()]
    world.finish()


@pytest.mark.parametrize("depth", range(1, READY))
def test_an_abandoned_connect_is_undone_from_anywhere(depth: int) -> None:
    world = begun(depth)
    world.command(Abandon(CommandId(1)))
    assert outcome(world, 1).kind is FailureKind.ABANDONED
    assert world.client.status is S.DISCONNECTED
    assert not [event for event in told(world) if isinstance(event, e.ErrorHappened)]
    world.finish()


def test_a_connect_whose_caller_never_heard_of_it_is_undone() -> None:
    world = begun(READY)
    world.command(Abandon(CommandId(1)))
    assert statuses(world)[-1] is S.DISCONNECTED
    world.finish()


def test_disconnect_ends_everyone_who_waits() -> None:
    world = live()
    world.command(Interact("one"))
    world.command(EndStream())
    world.command(StartStream("two"))
    world.command(Disconnect())
    for command in (3, 4, 5):
        assert outcome(world, command).kind is FailureKind.CLOSED_LOCALLY
    assert outcome(world, 6) is ...
    world.finish()


def test_disconnecting_twice_or_from_nowhere_is_announced_each_time() -> None:
    world = begun(0)
    world.command(Disconnect())
    world.command(Disconnect())
    assert told(world) == [e.StatusChanged(S.DISCONNECTED)] * 2
    assert world.client.deadline is None
