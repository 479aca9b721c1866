"""What client and server say on the signaling WebSocket (docs/protocol.md#signaling)."""

from typing import Any

from attrs import field, frozen

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.secret import sized
from odyssey_proto.messages.codec import Codec, Shape, Unknown, bare
from odyssey_proto.messages.fields import Fields
from odyssey_proto.messages.stream import MAX_REASON, NO_REASON, START, InteractiveStreamStart
from odyssey_proto.model.address import segment, websocket_url
from odyssey_proto.model.ice import IceCandidate

__all__ = (
    "Answer",
    "ClientDisconnecting",
    "IceCandidate",
    "InteractiveStreamStart",
    "KeepAlive",
    "Offer",
    "SignalingError",
    "SignalingMessage",
    "Unknown",
    "claims_offer",
    "decode",
    "encode",
    "socket_url",
)

OFFER = "offer"


@frozen
class KeepAlive:
    """The client is alive."""


@frozen
class Answer:
    """The client answers the offer."""

    sdp: str = field(repr=sized)


@frozen
class ClientDisconnecting:
    """The client leaves."""


@frozen
class Offer:
    """The streamer offers."""

    sdp: str = field(repr=sized)


@frozen
class SignalingError:
    """The session is over; docs/protocol.md#signaling-errors has the reasons."""

    reason: str = NO_REASON


type SignalingMessage = (
    KeepAlive
    | Answer
    | ClientDisconnecting
    | Offer
    | SignalingError
    | IceCandidate
    | InteractiveStreamStart
    | Unknown
)
"""Everything either side may say on the signaling WebSocket."""


def encode(message: SignalingMessage) -> str:
    """Returns the text of a message; raises `LocalProtocolError` if UTF-8 cannot say it."""
    return _CODEC.encode(message)


def decode(text: str) -> SignalingMessage:
    """Returns the message of a text; raises `RemoteProtocolError` if it breaks the protocol."""
    return _CODEC.decode(text)


def claims_offer(text: str) -> bool:
    """Tells whether a text that breaks the protocol is meant to be an offer."""
    return _CODEC.type_of(text) == OFFER


def socket_url(base: str, session_id: str) -> str:
    """
    Returns the address of a session's WebSocket; the token is passed beside it.

    Raises `RemoteProtocolError` if `base` is no address or `session_id` no id.
    """
    try:
        return f"{websocket_url(base)}/client/{segment(session_id)}"
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from None


def _write_candidate(candidate: IceCandidate) -> dict[str, Any]:
    return {
        "candidate": candidate.candidate,
        "sdpMid": candidate.sdp_mid,
        "sdpMLineIndex": candidate.sdp_mline_index,
    }


def _read_candidate(fields: Fields) -> IceCandidate:
    return IceCandidate(
        # Browsers say the end of the candidates with an empty text or with null.
        candidate=fields.text_or("candidate", ""),
        sdp_mid=fields.text_or("sdpMid", None),
        sdp_mline_index=fields.whole_or("sdpMLineIndex", None),
    )


def _read_error(fields: Fields) -> SignalingError:
    return SignalingError((fields.text_if("reason") or NO_REASON)[:MAX_REASON])


_CODEC = Codec[SignalingMessage](
    bare("keepalive", KeepAlive),
    Shape("answer", Answer, lambda m: {"sdp": m.sdp}, lambda f: Answer(f.text("sdp"))),
    bare("client_disconnecting", ClientDisconnecting),
    Shape(OFFER, Offer, lambda m: {"sdp": m.sdp}, lambda f: Offer(f.text("sdp"))),
    Shape("error", SignalingError, lambda m: {"reason": m.reason}, _read_error),
    Shape("ice_candidate", IceCandidate, _write_candidate, _read_candidate),
    START,
)
