"""
The protocol of Odyssey without I/O: pure state machines, and the wire formats of both roles.

A driver needs the names that stand here; docs/integration.md shows one.
`odyssey_proto.service` has the other role, `odyssey_proto.trace` what is recorded of a session.
"""

from odyssey_proto.client.client import Client, ClientInput
from odyssey_proto.client.spectator import Spectator
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.errors import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind, Fault, Phase
from odyssey_proto.kernel.machine import Deadline, Instant, Machine, Span, millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.config import AdvancedConfig, IcePolicy, Limits, Timeouts
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.events import Event
from odyssey_proto.model.ice import IceCandidate, IceServer
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Connect,
    ConnectWith,
    Disconnect,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
)
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUp,
    ExchangeFailed,
    HttpInput,
    LocalDescription,
    MediaInput,
    MediaKind,
    MediaSeen,
    NetworkInput,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    Replied,
    SdpKind,
    SocketClosed,
    SocketId,
    SocketInput,
    SocketOpened,
    SocketRefused,
    SocketText,
    TrackDown,
    TrackUp,
    TransportError,
    TransportErrorKind,
    Wake,
)
from odyssey_proto.seam.outputs import (
    AddCandidate,
    AppOutput,
    AskKeyframe,
    CancelRequest,
    ChannelSend,
    ClientOutput,
    CloseSocket,
    Completed,
    DropPeer,
    DropSocket,
    Failed,
    Happened,
    HttpOutput,
    IceConfig,
    MakeAnswer,
    MakeOffer,
    MakePeer,
    MediaOutput,
    OpenSocket,
    Request,
    SendText,
    SetRemote,
    SocketOutput,
)
from odyssey_proto.seam.settings import Settings, SpectatorSettings

# In the order in which docs/integration.md comes to them.
__all__ = [  # noqa: RUF022  (sections, not the alphabet)
    # --- the machines, and how they are set up
    "Client",
    "Spectator",
    "Settings",
    "SpectatorSettings",
    "AdvancedConfig",
    "IcePolicy",
    "Limits",
    "Timeouts",
    "ClientCredentials",
    "Entropy",
    # --- what every machine has: a step, a deadline, a time
    "Machine",
    "Deadline",
    "Instant",
    "Span",
    "millis",
    "seconds",
    # --- commands: what the application asks for
    "Command",
    "CommandId",
    "Connect",
    "ConnectWith",
    "MintCredentials",
    "StartStream",
    "Interact",
    "EndStream",
    "Call",
    "Disconnect",
    "Abandon",
    # --- inputs: what came of it
    "ClientInput",
    "NetworkInput",
    "Wake",
    "HttpInput",
    "Replied",
    "ExchangeFailed",
    "SocketInput",
    "SocketOpened",
    "SocketRefused",
    "SocketText",
    "SocketClosed",
    "MediaInput",
    "LocalDescription",
    "PeerStateChanged",
    "PeerFailed",
    "TrackUp",
    "TrackDown",
    "ChannelUp",
    "ChannelText",
    "ChannelDown",
    "MediaSeen",
    "TransportError",
    "TransportErrorKind",
    # --- outputs: what is to be done
    "ClientOutput",
    "HttpOutput",
    "Request",
    "CancelRequest",
    "SocketOutput",
    "OpenSocket",
    "SendText",
    "CloseSocket",
    "DropSocket",
    "MediaOutput",
    "MakePeer",
    "SetRemote",
    "MakeAnswer",
    "MakeOffer",
    "AddCandidate",
    "ChannelSend",
    "AskKeyframe",
    "DropPeer",
    "AppOutput",
    "Happened",
    "Completed",
    "Failed",
    # --- what they speak of
    "Event",
    "ExchangeId",
    "HttpReply",
    "HttpRequest",
    "SocketId",
    "PeerId",
    "PeerState",
    "SdpKind",
    "MediaKind",
    "IceConfig",
    "IceServer",
    "IceCandidate",
    "Secret",
    # --- what goes wrong
    "Failure",
    "FailureKind",
    "Fault",
    "Phase",
    "LocalProtocolError",
    "RemoteProtocolError",
]
