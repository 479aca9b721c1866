"""One session as a story: who says what to it, and what was told and said by it."""

from typing import Any

from core.gauntlet import Gauntlet, begun
from core.material import READY
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.messages import signaling, stream
from odyssey_proto.messages.stream import FROM_STREAMER
from odyssey_proto.model import events as e
from odyssey_proto.model.status import ConnectionStatus as S
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import Wake

SOCKET = i.SocketId(1)
PEER = i.PeerId(1)


def told(world: Gauntlet) -> list[Any]:
    """Returns everything the application was told so far."""
    return [out.event for _, _, outs in world.steps for out in outs if isinstance(out, o.Happened)]


def statuses(world: Gauntlet) -> list[S]:
    return [event.status for event in told(world) if isinstance(event, e.StatusChanged)]


def outcome(world: Gauntlet, command: int) -> Any:
    """Returns what became of a command: its result, its `Failure`, or `...` while it waits."""
    for _, _, outs in world.steps:
        for out in outs:
            if isinstance(out, o.Completed) and out.command == command:
                return out.result
            if isinstance(out, o.Failed) and out.command == command:
                return out.failure
    return ...


def last(world: Gauntlet) -> tuple[Any, ...]:
    return world.steps[-1][2]


def says(world: Gauntlet, message: Any) -> None:
    """Lets the streamer say something."""
    world.step(i.ChannelText(PEER, FROM_STREAMER, stream.encode(message)))


def signals(world: Gauntlet, message: Any) -> None:
    """Lets the signaling server say something."""
    world.step(i.SocketText(SOCKET, signaling.encode(message)))


def sent(world: Gauntlet) -> list[Any]:
    """Returns everything that was said to the streamer on the data channel."""
    return [
        stream.decode(out.text)
        for _, _, outs in world.steps
        for out in outs
        if isinstance(out, o.ChannelSend)
    ]


def signaled(world: Gauntlet) -> list[Any]:
    """Returns everything that was said on the signaling connection."""
    return [
        signaling.decode(out.text)
        for _, _, outs in world.steps
        for out in outs
        if isinstance(out, o.SendText)
    ]


def wait(world: Gauntlet, span: float) -> None:
    """Lets seconds pass."""
    target = Instant(world.now + seconds(span))
    while (deadline := world.client.deadline) is not None and deadline.at <= target:
        world.now = Instant(max(world.now, deadline.at))
        world.step(Wake())
    world.now = target


def reply(world: Gauntlet, answer: HttpReply, index: int = 0) -> None:
    """Answers one of the requests that are under way."""
    exchange = list(world.pending)[index]
    del world.pending[exchange]
    world.step(i.Replied(exchange, answer))


def live() -> Gauntlet:
    return begun(READY + 1)
