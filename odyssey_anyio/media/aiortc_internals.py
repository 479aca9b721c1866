"""
What is done inside aiortc, because nothing public does it; no other module reaches in there.

aiortc has no public way to bound what waits for a decoder, to decide what is decoded and where, to ask for a
packet again or for a keyframe, or to learn of a close that it began by itself.
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
- `begun_close`: a peer that the other side closed is closed once more, which aiortc bears;
- `restart_ice`: when the other side restarts ICE, the connection ends with the consent of the old one;
- `ask_peer`: a peer that is silent is given up when its consent expires, after thirty seconds;
- `own_hosts`: the same where an address of this machine is gone;
- `check_late_candidates`: after a restart of ICE only the other side finds new paths;
- `gather_otherwise`: where a machine has nothing but loopback, no candidate is found;
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
import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from attrs import frozen

logger: logging.Logger = logging.getLogger("odyssey.media")

KNOWN_VERSIONS = ("1.16.",)
"""The versions whose internals were tested, by the beginning of their names."""

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

_CLOSE_TASK = "_RTCPeerConnection__closeTask"
_CANDIDATES = "get_component_candidates"
_RECEIVE_MESSAGE = "_receive"
_RECEIVE_PIECE = "_receive_data_chunk"
_WINDOW = "_advertised_rwnd"
_GUARDED = "_odyssey_guarded"

_unknown_versions: set[str] = set()
"""Those that stand in the log already."""


class JitterBuffer(Protocol):
    """What a receiver uses of its jitter buffer."""

    def add(self, packet: Any) -> tuple[bool, Any]:
        """Takes a packet; returns whether a keyframe is to be asked for, and what is whole."""
        ...


class NackGenerator(Protocol):
    """What a receiver uses of its NACK generator."""

    missing: list[int]
    """The packets that are to be asked for."""

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
    receiver: Any, decode: Callable[[Any], None], packets: JitterBuffer, missing: NackGenerator
) -> bool:
    """
    Lets a receiver that is not started yet use other buffers, and give what is whole to `decode`.

    Returns whether it does.
    """
    if not _known() or {name: type(getattr(receiver, name, ...)).__name__ for name in _PARTS} != _PARTS:
        return False
    setattr(receiver, _DECODER_QUEUE, _DecoderQueue(decode))
    setattr(receiver, _JITTER_BUFFER, packets)
    setattr(receiver, _NACK_GENERATOR, missing)
    return True


async def request_keyframe(receiver: Any) -> bool:
    """Asks all who send to a receiver for a keyframe (RFC 4585 section 6.3.1); returns whether it could."""
    request = getattr(receiver, "_send_rtcp_pli", None)
    if not _known() or not asyncio.iscoroutinefunction(request):
        return False
    for source in receiver.getSynchronizationSources():
        await request(source.source)
    return True


def begun_close(pc: Any) -> "asyncio.Task[None] | None":
    """Returns the close that aiortc began by itself, when the other side left or its tasks were cancelled."""
    task = getattr(pc, _CLOSE_TASK, None)
    return task if _known() and isinstance(task, asyncio.Task) else None


def restart_ice(pc: Any, sdp: str) -> bool:
    """
    Lets a connection go on with the other side's new ICE credentials (RFC 8839 section 4.4.1.1.1).

    aiortc takes them when it starts, and never again.
    The path in use stays in use until the other side nominates another one.
    Returns whether they are new and could be given.
    """
    fragment, password = (re.search(rf"^a=ice-{name}:(\S+)", sdp, re.MULTILINE) for name in ("ufrag", "pwd"))
    if not _known() or fragment is None or password is None:
        return False
    restarted = False
    for gatherer, connection in _ice(pc):
        if connection.remote_username not in (None, fragment[1]):
            connection.remote_username, connection.remote_password = fragment[1], password[1]
            gatherer._remote_candidates_end = connection._remote_candidates_end = False
            restarted = True
    return restarted


def check_late_candidates(pc: Any) -> None:
    """Has paths tried that were found after a connection was made, as after a restart of ICE."""
    if not _known():
        return
    for _, connection in _ice(pc):
        for pair in list(connection._check_list) if connection._check_list_done else []:
            if pair.task is None and pair.state.name in ("FROZEN", "WAITING"):
                connection.check_start_task(pair)


def _ice(pc: Any) -> list[tuple[Any, Any]]:
    """Returns the gatherer and the ICE connection of each transport that is in use."""
    users = [transceiver.receiver for transceiver in pc.getTransceivers()]
    gatherers = {user.transport.transport.iceGatherer for user in (*users, pc.sctp) if user is not None}
    return [(each, each._connection) for each in gatherers if not each._connection._closing]


async def ask_peer(pc: Any) -> bool:
    """Asks the other side whether it is there; returns whether it answers."""
    from aioice import stun

    answered = False
    for _, connection in _ice(pc) if _known() else []:
        for pair in list(connection._nominated.values()):
            request = connection.build_request(pair, nominate=False)
            key = connection.remote_password.encode()
            try:
                await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=1)
            except (stun.TransactionError, OSError) as error:
                logger.debug("the other side does not answer: %s", type(error).__name__)
            else:
                answered = True
    return answered


def own_hosts(pc: Any) -> list[str]:
    """Returns the addresses of this machine by which the connection goes directly."""
    connections = [connection for _, connection in _ice(pc)] if _known() else []
    pairs = [pair for connection in connections for pair in connection._nominated.values()]
    return [pair.local_candidate.host for pair in pairs if pair.local_candidate.type == "host"]


def gather_otherwise(pc: Any, addresses: Callable[[], list[str]]) -> bool:
    """
    Lets a connection that has not gathered yet use other addresses where it finds none of its own.

    Returns whether it does, and every transport below it; one that may use relays only is left alone.
    """
    from aioice.ice import TransportPolicy

    transports = [transceiver.receiver.transport for transceiver in pc.getTransceivers()]
    if pc.sctp is not None:
        transports.append(pc.sctp.transport)
    gatherers = [transport.transport.iceGatherer for transport in transports]
    connections = [getattr(gatherer, "_connection", None) for gatherer in gatherers]
    if not _known() or not all(
        asyncio.iscoroutinefunction(getattr(each, _CANDIDATES, None)) for each in connections
    ):
        return False
    for each in connections:
        if getattr(each, "_transport_policy", None) is TransportPolicy.ALL:
            setattr(each, _CANDIDATES, _with_others(getattr(each, _CANDIDATES), addresses))
    return True


def _with_others(gather: Any, others: Callable[[], list[str]]) -> Any:
    async def candidates(component: int, addresses: list[str], **more: Any) -> Any:
        return await gather(component, addresses or others(), **more)

    return candidates


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
    shaped = asyncio.iscoroutinefunction(receive) and asyncio.iscoroutinefunction(receive_piece)
    if not _known() or not shaped or type(getattr(sctp, _WINDOW, None)) is not int:
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


def _known() -> bool:
    if _INSTALLED.startswith(KNOWN_VERSIONS):
        return True
    if _INSTALLED not in _unknown_versions:
        _unknown_versions.add(_INSTALLED)
        logger.warning(
            "aiortc %s is not one of the versions that are known: what waits for it has no bound", _INSTALLED
        )
    return False


def _installed() -> str:
    try:
        return version("aiortc")
    except PackageNotFoundError:
        return "without a version"


_INSTALLED = _installed()
"""Looked up once, when this is imported, because that reads files."""
