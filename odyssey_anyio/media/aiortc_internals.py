"""
What is done inside aiortc, because nothing public does it; no other module reaches in there.

aiortc has no public way to bound what waits for a decoder, to decide what is decoded and where, to ask for a
packet again or for a keyframe, to learn when something was sent, or of a close that it began by itself.
Each of these is one function here, as narrow as it can be: an object in the place of another of the same
shape, or a call of a method that exists; nothing of aiortc is copied or replaced by code of ours.

Internals change without notice, so each function looks before it touches: the version is one of those that
it was tested with, and what it is about to use has the shape that it had there.
If not, it does nothing and says so by its result, and one line in the log tells of it.
What is lost then:

- `decode_otherwise`: encoded frames wait in aiortc's queue without bound, pictures of any size are decoded,
  and all that waits is decoded before a peer is closed; a frame waits for the one after it, a packet is asked
  for once, what builds on a frame that is missing is decoded and shown, and every video has a thread;
- `request_keyframe`: a damaged picture heals with the next keyframe that comes by itself;
- `on_sender_report`: audio and video may be as far apart as their first packets were late;
- `adapt_sender`: what is sent leaves in bursts, as fast as the last estimate of the receiver says;
- `end_connect_quietly`: a peer that is closed while it connects may leave a task that failed, of which the
  loop says that nobody asked for its outcome;
- `begun_close`: a peer that the other side closed is closed once more, which aiortc bears;
- `set_timeouts`: what is lost on a data channel is sent again after a second, and after three until a round
  trip was measured;
- `guard_association`: one bad message on a data channel ends the connection, and the pieces of a message
  that never ends are all kept.

**The buffers of a receiver.** Packets become frames in the jitter buffer of a receiver, in the loop.
Whole frames go into a `queue.Queue`, from which a thread of the receiver's own takes them, decodes them, and
hands the pictures to the track.
The receiver calls `add(packet)` of its NACK generator, and asks for what is `missing` then if it returns so.
It calls `add(packet)` of its jitter buffer, and gets `(whether to ask for a keyframe, what is whole)`; it
sets the `timestamp` of that, puts `(codec, what is whole)` into the queue, and at the end `None`.
So `decode_otherwise` puts others in their places before the receiver is started: media/missing_packets.py,
media/packet_buffer.py, and a queue that hands on to media/encoded_queue.py what is put, and from which the
receiver's own thread gets the end at once.
"""

import asyncio
import logging
from collections.abc import Callable
from inspect import iscoroutinefunction
from types import ModuleType
from typing import Any, Protocol

from attrs import frozen

from odyssey_anyio.media.even_gaps import even_gaps

logger: logging.Logger = logging.getLogger("odyssey.media")

KNOWN_VERSIONS = ("1.16.",)
"""The versions whose internals were tested, by the beginning of their names."""

KNOWN_ICE_VERSIONS = ("0.13.",)
"""Those of aioice, which aiortc stands on."""

_DECODER_QUEUE = "_RTCRtpReceiver__decoder_queue"
_DECODER_THREAD = "_RTCRtpReceiver__decoder_thread"
_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_NACK_GENERATOR = "_RTCRtpReceiver__nack_generator"
_PARTS = {
    _DECODER_QUEUE: "Queue",
    # A thread is there when it has been started.
    _DECODER_THREAD: "NoneType",
    _JITTER_BUFFER: "JitterBuffer",
    _NACK_GENERATOR: "NackGenerator",
}
"""What a video receiver has that is not started yet, and of which class each is."""

_HANDLE_RTCP = "_handle_rtcp_packet"
_SEND_RTP = "_send_rtp"
MAX_PACKET_BYTES = 1300
"""What a packet of media has at most."""

_RESEND = "_retransmit"
_SENDER_TASK = "_RTCRtpSender__rtp_task"
_ENCODER = "_RTCRtpSender__encoder"
_NEXT_FRAME = "_next_encoded_frame"
_CONNECT = "_RTCPeerConnection__connect"
_CLOSE_TASK = "_RTCPeerConnection__closeTask"
_RECEIVE_MESSAGE = "_receive"
_RECEIVE_PIECE = "_receive_data_chunk"
_WINDOW = "_advertised_rwnd"
_GUARDED = "_odyssey_guarded"
_TIMEOUT, _ROUND_TRIP, _VARIATION = "_rto", "_srtt", "_rttvar"
_MEASURE = "_update_rto"
_CHANGE_STATE = "_set_state"

_unknown_versions: set[str] = set()
"""Those that stand in the log already."""


class JitterBuffer(Protocol):
    """What a receiver uses of its jitter buffer."""

    def add(self, packet: Any) -> tuple[bool, Any]:
        """Takes a packet; returns whether a keyframe is to be asked for, and what is whole."""
        ...


class NackGenerator(Protocol):
    """What a receiver uses of its NACK generator."""

    @property
    def missing(self) -> list[int]:
        """The packets that are to be asked for."""
        ...

    def add(self, packet: Any) -> bool:
        """Takes a packet; returns whether to ask."""
        ...


@frozen
class _DecoderQueue:
    """Hands on what is to be decoded; the receiver's own thread finds nothing in it and ends at once."""

    put: Callable[[Any], None]

    def get(self) -> None:
        """Returns the end."""


def decode_otherwise(
    receiver: Any, decode: Callable[[Any], None], packets: JitterBuffer, missing: NackGenerator | None = None
) -> bool:
    """
    Lets a receiver that is not started yet use other buffers, and give what is whole to `decode`.

    One of audio asks for nothing that is `missing`.
    Returns whether it does.
    """
    parts = _PARTS if missing is not None else {**_PARTS, _NACK_GENERATOR: "NoneType"}
    if not known() or {name: type(getattr(receiver, name, ...)).__name__ for name in parts} != parts:
        return False
    setattr(receiver, _DECODER_QUEUE, _DecoderQueue(decode))
    setattr(receiver, _JITTER_BUFFER, packets)
    setattr(receiver, _NACK_GENERATOR, missing)
    return True


def on_sender_report(receiver: Any, report: Callable[[int, int], None]) -> bool:
    """
    Lets `report` be called with the two times of each sender's report (RFC 3550 section 6.4.1).

    These are the sender's clock as an NTP timestamp, and the same moment as a timestamp of its packets.
    Returns whether it is.
    """
    handle: Any = getattr(receiver, _HANDLE_RTCP, None)
    if not known() or not iscoroutinefunction(handle):
        return False

    async def handle_and_report(packet: Any) -> None:
        await handle(packet)
        sent = getattr(packet, "sender_info", None)
        if sent is not None:
            report(sent.ntp_timestamp, sent.rtp_timestamp)

    setattr(receiver, _HANDLE_RTCP, handle_and_report)
    return True


class Traffic(Protocol):
    """Decides how fast a sender sends."""

    @property
    def encoder_bits(self) -> int:
        """What its encoder is to produce, in bits a second."""
        ...

    def sent(self, size: int, ends_frame: bool, *, paced: bool) -> float:
        """
        So many bytes were sent, and maybe a frame ends with them; `paced` if they are new media.

        Returns how long the next packet of media has to wait, in seconds.
        """
        ...

    def gap(self, seconds: float) -> float:
        """Returns how long after the one before a frame is to be encoded that was drawn so long after it."""
        ...

    def resend(self, size: int) -> bool:
        """Returns whether a packet of so many bytes may be sent again."""
        ...

    def lost(self, share: float) -> None:
        """The receiver reports that this share was lost."""
        ...

    def estimated(self, bits: int) -> None:
        """The receiver estimates that so many bits a second can reach it."""
        ...


def adapt_sender(sender: Any, traffic: Traffic) -> bool:
    """
    Lets `traffic` decide how fast a sender sends whose transport is known, but not used yet.

    Only packets of media wait for each other; reports, and what is sent again, are not held up.
    Returns whether it does.
    """
    transport = sender.transport
    send: Any = getattr(transport, _SEND_RTP, None)
    handle: Any = getattr(sender, _HANDLE_RTCP, None)
    resend: Any = getattr(sender, _RESEND, None)
    encode: Any = getattr(sender, _NEXT_FRAME, None)
    shaped = all(map(iscoroutinefunction, (send, handle, resend, encode)))
    if not known() or not shaped or not hasattr(sender, _SENDER_TASK) or not hasattr(sender, _ENCODER):
        return False

    async def send_paced(data: bytes) -> None:
        await send(data)
        # The transport is also that of the sound, and of what is sent again.
        paced = asyncio.current_task() is getattr(sender, _SENDER_TASK)
        # The marker says so (RFC 7741 section 4.1, RFC 6184 section 5.1).
        wait = traffic.sent(len(data), ends_frame=data[1] >= 0x80, paced=paced)
        if wait > 0 and paced:
            await asyncio.sleep(wait)

    async def encode_evenly(codec: Any) -> Any:
        if getattr(sender, _ENCODER) is None:
            from aiortc.codecs import get_encoder

            encoder: Any = get_encoder(codec)
            encoder.encode = even_gaps(encoder.encode, traffic.gap)
            setattr(sender, _ENCODER, encoder)
        return await encode(codec)

    async def resend_some(number: int) -> None:
        if traffic.resend(MAX_PACKET_BYTES):
            await resend(number)

    async def handle_and_adapt(packet: Any) -> None:
        await handle(packet)
        for report in getattr(packet, "reports", ()):
            if report.ssrc == sender._ssrc:
                traffic.lost(report.fraction_lost / 256)
        estimate = _estimate(packet)
        if estimate is not None and sender._ssrc in estimate[1]:
            traffic.estimated(estimate[0])
        encoder = getattr(sender, _ENCODER)
        bounded = f"_{type(encoder).__name__}__target_bitrate"
        if hasattr(encoder, bounded):
            # Also where the estimate has set it just now; the property takes nothing below 250 kbit/s.
            setattr(encoder, bounded, traffic.encoder_bits)

    setattr(transport, _SEND_RTP, send_paced)
    setattr(sender, _RESEND, resend_some)
    setattr(sender, _NEXT_FRAME, encode_evenly)
    setattr(sender, _HANDLE_RTCP, handle_and_adapt)
    return True


def _estimate(packet: Any) -> tuple[int, list[int]] | None:
    """Returns what a receiver estimates, and for which sources; `None` for any other packet."""
    from aiortc.rtp import RTCP_PSFB_APP, RtcpPsfbPacket, unpack_remb_fci

    if not isinstance(packet, RtcpPsfbPacket) or packet.fmt != RTCP_PSFB_APP:
        return None
    try:
        bits, sources = unpack_remb_fci(packet.fci)
    except ValueError:
        return None
    return bits, sources


async def request_keyframe(receiver: Any) -> bool:
    """Asks all who send to a receiver for a keyframe (RFC 4585 section 6.3.1); returns whether it could."""
    request = getattr(receiver, "_send_rtcp_pli", None)
    if not known() or not iscoroutinefunction(request):
        return False
    for source in receiver.getSynchronizationSources():
        await request(source.source)
    return True


def end_connect_quietly(pc: Any) -> bool:
    """
    Lets the task in which `pc` connects end when it is closed meanwhile; returns whether it could.

    aiortc starts the transports of its sections one after the other, in a task that nobody waits for; one
    that is closed by then raises `InvalidStateError`.
    """
    connect = getattr(pc, _CONNECT, None)
    if not known() or not iscoroutinefunction(connect):
        return False

    from aiortc.exceptions import InvalidStateError

    async def connect_unless_closed() -> None:
        try:
            await connect()
        except InvalidStateError:
            if pc.signalingState != "closed":
                raise

    setattr(pc, _CONNECT, connect_unless_closed)
    return True


def begun_close(pc: Any) -> "asyncio.Task[None] | None":
    """Returns the close that aiortc began by itself, when the other side left or its tasks were cancelled."""
    task = getattr(pc, _CLOSE_TASK, None)
    return task if known() and isinstance(task, asyncio.Task) else None


def set_timeouts(sctp: Any, beginning: float, least: float) -> bool:
    """
    Lets an association that is not begun yet send again sooner what is not acknowledged; returns whether.

    After `beginning` until it is established, after `least` until it has measured a round trip, and after no
    less than that then, in seconds.
    aiortc has three seconds until a round trip is measured, and at least one then.
    """
    update: Any = getattr(sctp, _MEASURE, None)
    change: Any = getattr(sctp, _CHANGE_STATE, None)
    shaped = callable(update) and callable(change) and type(getattr(sctp, _TIMEOUT, None)) is float
    if not known() or not shaped or getattr(sctp, _ROUND_TRIP, ...) is not None:
        return False

    def measure(seconds: float) -> None:
        update(seconds)
        measured = getattr(sctp, _ROUND_TRIP) + 4 * getattr(sctp, _VARIATION)
        setattr(sctp, _TIMEOUT, max(least, min(measured, getattr(sctp, _TIMEOUT))))

    def change_state(state: Any) -> None:
        if state.name == "ESTABLISHED" and getattr(sctp, _ROUND_TRIP) is None:
            setattr(sctp, _TIMEOUT, least)
        change(state)

    setattr(sctp, _TIMEOUT, beginning)
    setattr(sctp, _MEASURE, measure)
    setattr(sctp, _CHANGE_STATE, change_state)
    return True


def guard_association(sctp: Any, is_text: Callable[[bytes], bool]) -> bool:
    """
    Lets an association survive what arrives on it; returns whether it does.

    A message that says it is a text, and is none, arrives as binary; one that opens a channel in a wrong way
    is dropped.
    Pieces that come although the window is closed are not taken (RFC 9260 section 6.2).
    """
    if getattr(sctp, _GUARDED, False):
        return True
    receive: Any = getattr(sctp, _RECEIVE_MESSAGE, None)
    receive_piece: Any = getattr(sctp, _RECEIVE_PIECE, None)
    shaped = iscoroutinefunction(receive) and iscoroutinefunction(receive_piece)
    if not known() or not shaped or type(getattr(sctp, _WINDOW, None)) is not int:
        return False

    async def receive_message(stream_id: int, protocol: int, data: bytes) -> None:
        from aiortc.rtcsctptransport import WEBRTC_BINARY, WEBRTC_STRING

        if protocol == WEBRTC_STRING and not is_text(data):
            protocol = WEBRTC_BINARY
        try:
            await receive(stream_id, protocol, data)
        except Exception as error:
            logger.debug("a message on a data channel was dropped", exc_info=error)

    async def receive_piece_in_window(chunk: Any) -> None:
        if getattr(sctp, _WINDOW) > 0:
            await receive_piece(chunk)

    setattr(sctp, _RECEIVE_MESSAGE, receive_message)
    setattr(sctp, _RECEIVE_PIECE, receive_piece_in_window)
    setattr(sctp, _GUARDED, True)
    return True


def known() -> bool:
    """Tells whether the aiortc that is installed is one whose internals were tested."""
    # Whoever asks has an object of it, so it is loaded; the metadata of packages takes 15 ms to read.
    import aiortc

    return _known(aiortc, KNOWN_VERSIONS)


def known_ice() -> bool:
    """Tells whether the same holds of aioice below it, whose versions are its own."""
    import aioice

    return known() and _known(aioice, KNOWN_ICE_VERSIONS)


def _known(library: ModuleType, versions: tuple[str, ...]) -> bool:
    installed: str = getattr(library, "__version__", "without a version")
    if installed.startswith(versions):
        return True
    name = f"{library.__name__} {installed}"
    if name not in _unknown_versions:
        _unknown_versions.add(name)
        logger.warning("%s is not one of the versions that are known: what waits for it has no bound", name)
    return False
