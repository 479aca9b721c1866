"""A client with a policy for lost sessions, and a service with room for one session."""

from typing import Any

from attrs import evolve

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages import stream
from odyssey_proto.messages.stream import InteractiveStreamStart
from odyssey_proto.model import events as e
from odyssey_proto.model.config import ReconnectPolicy
from odyssey_proto.seam.outputs import ChannelSend, SendText
from odyssey_proto.service.io import faults as f
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.service import Service
from odyssey_proto.testing.by_hand import SETTINGS as BY_HAND
from odyssey_proto.testing.by_hand import ClientByHand
from odyssey_proto.testing.situations import connected
from odyssey_proto.testing.world import SETTINGS, World

POLICY = ReconnectPolicy()
AT_ONCE = ReconnectPolicy(first_delay=0, longest_delay=0)
IMAGE = "data:image/png;base64,AAAA"
MINUTE = seconds(60)


def world_of(policy: ReconnectPolicy | None = POLICY, *faults: f.Fault, **config: Any) -> World:
    """Returns a client with a policy and a service with room for one session, whose video flows."""
    client = Client(evolve(SETTINGS, reconnect=policy))
    service = Service(ServiceConfig(**{"capacity": 1, "faults": faults, **config}), seed=b"service")
    return World(client, service, frames_every=seconds(1))


def streamed(policy: ReconnectPolicy | None = POLICY, *faults: f.Fault, **start: Any) -> World:
    """Returns one whose stream has run for some seconds."""
    world = world_of(policy, *faults)
    assert world.connect().result is None
    assert world.start(**{"prompt": "A cat", **start}).result
    world.wait(seconds(5))
    world.expect(*world.events)
    return world


def left(world: World) -> None:
    """Leaves; nothing may be left on either side then."""
    world.disconnect()
    world.wait(MINUTE)
    world.obligations.settled()
    assert "0 of" in repr(world.service), "no session is left behind"


def starts(world: World) -> list[InteractiveStreamStart]:
    """Returns every start that was sent."""
    texts = [text.text for text in world.outputs(ChannelSend)] + [
        text.text for text in world.outputs(SendText)
    ]
    said = [stream.decode(text) for text in texts if "interactive_stream_start" in text]
    return [message for message in said if isinstance(message, InteractiveStreamStart)]


def restored(world: World) -> e.Restored:
    """Returns the only recovery so far."""
    (event,) = world.events_of(e.Restored)
    return event


def byhand(policy: ReconnectPolicy) -> ClientByHand:
    """Returns a client by hand that is connected, with a policy."""
    return connected(evolve(BY_HAND, reconnect=policy))
