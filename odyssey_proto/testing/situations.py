"""Clients for whom everything went well so far, by where they stand: `connected()`, `reached(QUEUEING)`."""

from enum import Enum, auto, unique

from odyssey_proto.messages import stream
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.seam.settings import Settings
from odyssey_proto.testing.by_hand import SETTINGS, ClientByHand

STARTED = stream.StreamStarted("stream-1", "A fine cat")
"""What the streamer says when the stream of `streaming()` begins."""


@unique
class Situation(Enum):
    """Where a client stands on its way to a stream, in order."""

    IDLE = auto()
    """Nothing was asked of it."""
    AUTHENTICATING = auto()
    """It asks for an access token."""
    LISTING_REGIONS = auto()
    PINGING_REGIONS = auto()
    QUEUEING = auto()
    """It asks for a session."""
    PREPARING = auto()
    """It asks for a session token and for ICE servers."""
    HALF_PREPARED = auto()
    """The session token has come and the WebSocket is opened; the ICE servers have not come."""
    OPENING_SOCKET = auto()
    """The ICE servers have come, and the peer is made."""
    AWAITING_OFFER = auto()
    NEGOTIATING = auto()
    """The offer has come."""
    CONNECTED = auto()
    STREAMING = auto()


def reached(situation: Situation, settings: Settings = SETTINGS) -> ClientByHand:
    """Returns a client for whom everything went well as far as this."""
    world = ClientByHand(settings)
    if situation is Situation.IDLE:
        return world
    world.connect()
    for _ in range(Situation.AUTHENTICATING.value, min(situation.value, Situation.CONNECTED.value)):
        world.goes_well()
    connected = situation in (Situation.CONNECTED, Situation.STREAMING)
    assert connected == (world.client.status is ConnectionStatus.CONNECTED)
    if situation is Situation.STREAMING:
        world.start("A cat")
        world.streamer_says(STARTED)
    return world


def connected(settings: Settings = SETTINGS) -> ClientByHand:
    """Returns a client with a session: `world.the(Connect)` has completed, nothing is streamed."""
    return reached(Situation.CONNECTED, settings)


def streaming(settings: Settings = SETTINGS) -> ClientByHand:
    """Returns a client whose stream runs: `world.the(StartStream)` has completed."""
    return reached(Situation.STREAMING, settings)
