"""Leaving, wished or abandoned: all are released, the server gets the goodbye, whatever had been reached."""

import pytest

from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import signaling
from odyssey_proto.model import events as e
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Connect
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.testing.by_hand import (
    ClientByHand,
)
from odyssey_proto.testing.situations import Situation, connected, reached, streaming


def test_leaving_the_queue_leaves_nothing() -> None:
    world = reached(Situation.QUEUEING)
    world.reply(HttpReply(503))
    leaving = world.disconnect()
    assert world.the(Connect).failure.kind is FailureKind.CLOSED_LOCALLY
    assert leaving.result is None
    assert world.statuses[-1] is S.DISCONNECTED
    assert world.client.deadline is None


def test_a_session_that_was_granted_while_leaving_is_given_back() -> None:
    world = reached(Situation.QUEUEING)
    leaving = world.disconnect()
    assert world.the(Connect).failure.kind is FailureKind.CLOSED_LOCALLY, "the caller is released at once"
    assert leaving.pending
    for _ in range(3):  # granted, session token, socket
        world.goes_well()
    assert world.signaled == [signaling.ClientDisconnecting()]
    world.socket_closes(1000)
    assert leaving.result is None
    world.finish()


def test_a_goodbye_has_an_end_even_if_nobody_answers() -> None:
    world = reached(Situation.QUEUEING)
    leaving = world.disconnect()
    world.wait(seconds(3))
    assert leaving.result is None
    assert world.client.deadline is None
    assert not world.requests


def test_the_server_gets_the_goodbye_before_media_is_torn_down() -> None:
    world = connected()
    world.disconnect()
    sent_first = [type(out) for out in world.last if not isinstance(out, o.Happened)]
    assert sent_first == [o.SendText, o.CloseSocket, o.DropPeer]
    assert world.events[-2:] == [e.StatusChanged(S.DISCONNECTED), e.Disconnected()]
    assert world.client.has_session, "the goodbye goes on"
    world.finish()
    assert not world.client.has_session


@pytest.mark.parametrize("situation", list(Situation)[1:-2])
def test_an_abandoned_connect_is_undone_from_anywhere(situation: Situation) -> None:
    world = reached(situation)
    world.abandon(world.the(Connect))
    assert world.the(Connect).failure.kind is FailureKind.ABANDONED
    assert world.client.status is S.DISCONNECTED
    assert not world.events_of(e.ErrorHappened)
    world.finish()


def test_a_connect_whose_caller_never_knew_of_it_is_undone() -> None:
    world = connected()
    world.abandon(world.the(Connect))
    assert world.statuses[-1] is S.DISCONNECTED
    world.finish()


def test_disconnect_ends_everyone_who_waits() -> None:
    world = streaming()
    waiting = [world.interact("one"), world.end(), world.start("two")]
    leaving = world.disconnect()
    for command in waiting:
        assert command.failure.kind is FailureKind.CLOSED_LOCALLY
    assert leaving.pending
    world.finish()


def test_disconnecting_twice_or_from_nowhere_is_announced_each_time() -> None:
    world = ClientByHand()
    world.disconnect()
    world.disconnect()
    assert world.events == [e.StatusChanged(S.DISCONNECTED)] * 2
    assert world.client.deadline is None
