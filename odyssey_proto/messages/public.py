"""
What may be shown of a message: the names and words of the protocol, which are the same for everybody.

An exported trace shows nothing but what stands here; every other text becomes a pseudonym.
So a member that the service adds is closed until it is written down, and whoever adds one to a
message decides here what it holds.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum, unique

from odyssey_proto.kernel.failures import UsageCode
from odyssey_proto.messages import ENDPOINTS
from odyssey_proto.messages.dates import seconds_between
from odyssey_proto.messages.sdp import ATTRIBUTES
from odyssey_proto.messages.stream import FROM_STREAMER, LIMITS, TO_STREAMER
from odyssey_proto.model.simulations import SimulationJobStatus


@unique
class MemberKind(Enum):
    """What stands under a name, where it is neither words of the protocol nor closed."""

    ID = "id"
    """A name that the service gave to a session, a stream or a job: it finds what happened there by it."""
    NUMBER = "number"
    """A number of any length, such as a time."""
    ADDRESS = "address"
    """A URL, which may lack its scheme."""
    PROMPT = "prompt"
    """What users wrote; they decide whether it is shown."""
    IMAGE = "image"
    """The same, as a data URL."""
    SECRET = "secret"
    """Closed even where it reads like a word of the protocol."""


def _named(content: MemberKind | None, names: str) -> dict[str, MemberKind | None]:
    return dict.fromkeys(names.split(), content)


MEMBERS: Mapping[str, MemberKind | None] = {
    **_named(MemberKind.ID, "session_id stream_id job_id params"),
    **_named(MemberKind.NUMBER, "exp iat nbf expires_in timestamp_ms retry_after_seconds frame_count"),
    **_named(MemberKind.NUMBER, "duration_seconds estimated_wait_minutes session_duration_seconds"),
    **_named(MemberKind.ADDRESS, "api_url signalling_url signaling_url webrtc_url ping_url location"),
    **_named(MemberKind.PROMPT, "prompt applied_prompt"),
    **_named(MemberKind.IMAGE, "image input_image_base64"),
    **_named(
        MemberKind.SECRET,
        "api_key api_key_prefix access_token session_token spectator_token token username credential",
    ),
    # Closed: REST (docs/protocol.md), in the order of its sections.
    **_named(None, "detail msg loc type error code message action action_url details limit active"),
    **_named(None, "active_count used_hours limit_hours reset_date max_duration_seconds"),
    **_named(None, "token_type regions id region_latencies capabilities image_to_video imageToVideo"),
    **_named(None, "streamer_id model region iceServers urls url width height started_at ended_at"),
    **_named(None, "video_url events_url thumbnail_url preview_url recordings total offset"),
    **_named(None, "script scripts script_url portrait output_video bypass_vlm_expansion start interact end"),
    **_named(None, "jobs streams status priority created_at completed_at dispatched_at assigned_region"),
    **_named(None, "error_message retry_count script_index events event sdk_version sdk_platform"),
    **_named(None, "platform_info connect_duration_ms error_type error_code connection_status"),
    # Closed: signaling, the data channels and session tokens.
    **_named(None, "sdp candidate sdpMid sdpMLineIndex usernameFragment reason broadcast broadcast_url"),
    **_named(None, "alg typ kid iss sub aud jti"),
}
"""Every member of the protocol's JSON, and every field of the seam whose text is not closed."""

_COUNT = re.compile(r"\s*[0-9]{1,18}\s*")
_RANGE = re.compile(r"bytes (?:[0-9]{1,18}-[0-9]{1,18}|\*)/(?:[0-9]{1,18}|\*)")
_CODING = re.compile(r"(?:x-)?(?:identity|gzip|compress|deflate|br|zstd)", re.IGNORECASE)


def _is_date(value: str) -> bool:
    return seconds_between(value, value) is not None


HEADERS: Mapping[str, Callable[[str], object] | None] = {
    "date": _is_date,
    "retry-after": lambda value: _COUNT.fullmatch(value) or _is_date(value),
    "content-length": _COUNT.fullmatch,
    "content-range": _RANGE.fullmatch,
    "content-encoding": _CODING.fullmatch,
    **dict.fromkeys(
        ("content-type", "location", "etag", "server", "via", "cache-control", "accept-ranges"), None
    ),
    **dict.fromkeys(("access-control-allow-origin", "access-control-expose-headers"), None),
}
"""The fields of replies whose names may be shown, and what tells whether a value may be as well."""

WORDS = frozenset(
    f"""
    keepalive answer client_disconnecting offer error ice_candidate interactive_stream_start update
    interactive_stream_end stream_started update_acknowledged stream_ended interactive_stream_error
    broadcast_ready streamer_not_available streamer_disconnected duration_limit_reached
    {" ".join(LIMITS)} lease_denied moderation_failed broadcast_error CONCURRENT_LIMIT_EXCEEDED
    {" ".join((*SimulationJobStatus, *UsageCode))} session_connecting session_connected session_disconnected
    normal bearer Bearer HS256 RS256 JWT {TO_STREAMER} {FROM_STREAMER} Location Retry-After
    auth token regions sessions request config recordings stream-recordings simulation-jobs telemetry
    whep live client ping {" ".join(ENDPOINTS)}
    W application json sdp text html plain charset utf-8 image png jpeg webp gif data base64
    audio video IN IP4 IP6 UDP TCP udp tcp TLS RTP SAVPF DTLS SCTP webrtc-datachannel BUNDLE
    trickle ice-options setup fingerprint
    rtcp-mux rtcp-rsize actpass active passive sendrecv sendonly recvonly inactive end-of-candidates
    typ host srflx prflx relay raddr rport ufrag generation tcptype transport
    {" ".join(ATTRIBUTES)} rtcp bundle-only MSRP SAVP WMS FID cname
    packetization-mode profile-level-id level-asymmetry-allowed PCMU PCMA G722 red ulpfec flexfec-03
    VP8 VP9 H264 AV1 opus rtx nack pli ccm fir goog-remb transport-cc apt sha-256
    """.split()
) | frozenset(MEMBERS)
"""The words of the protocol in its own spelling: types, reasons, parts of paths, media types, SDP."""
