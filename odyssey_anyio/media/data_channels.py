"""The data channels of a peer, kept to what can be meant: texts of a bounded size, in bounded memory."""

from collections.abc import Callable
from typing import Any

from odyssey_anyio.media.aiortc_internals import guard_association, set_timeouts
from odyssey_anyio.media.connection import PeerError
from odyssey_anyio.media.descriptions import max_message
from odyssey_anyio.media.handshakes import repeat_beginning
from odyssey_proto.seam.inputs import (
    ChannelDown,
    ChannelText,
    ChannelUnreadable,
    ChannelUp,
    MediaInput,
    PeerId,
    TransportErrorKind,
)

MAX_TEXT_BYTES = 256 * 1024
"""The largest message that is a text; it is also what aiortc's descriptions allow (RFC 8841 section 6.1)."""

MAX_BUFFERED_BYTES = 16 * 1024 * 1024
"""How much may wait on a data channel; with more, the peer fails."""

BEGINNING_TIMEOUT_SECONDS = 1.0
"""After so long what begins an association is sent again (RFC 9260 section 16)."""

MIN_TIMEOUT_SECONDS = 0.3
"""
After so long a message that is not acknowledged is sent again, if no longer round trip was measured.

It is more than a receiver may wait with an acknowledgement (RFC 9260 section 6.2); the second that section 16
recommends would hold up the start of a stream, and each prompt that is lost.
"""


class DataChannels:
    """Those of one peer by their labels, whoever opened them; `report` takes what happens to them."""

    def __init__(self, peer: PeerId, labels: tuple[str, ...], report: Callable[[MediaInput], None]) -> None:
        self._peer = peer
        self._labels = labels
        self._report = report
        self._open: dict[str, Any] = {}
        self._accepted: set[str] = set()

    def __repr__(self) -> str:
        return f"<DataChannels {', '.join(self._open)}>"

    def add(self, channel: Any, pc: Any) -> None:
        """Takes a channel of a connection, which may be open already."""

        def up() -> None:
            self._open[channel.label] = channel
            self._report(ChannelUp(self._peer, channel.label, max_message(pc.remoteDescription.sdp)))

        channel.on("open", up)
        channel.on("close", lambda: self._report(ChannelDown(self._peer, channel.label)))
        channel.on("message", lambda data: self._message(channel.label, data))
        if channel.readyState == "open":
            up()

    def accept(self, channel: Any, pc: Any) -> None:
        """Takes a channel that the other side opened, if it is one of ours and the first of its name."""
        if channel.label not in self._labels:
            self._report(ChannelDown(self._peer, channel.label))
        elif channel.label not in self._accepted:
            self._accepted.add(channel.label)
            self.add(channel, pc)
            return
        channel.close()

    def send(self, label: str, text: str) -> None:
        """Sends a text; raises `PeerError` if there is no such channel, or too much waits on it."""
        channel = self._open.get(label)
        if channel is None:
            raise PeerError(TransportErrorKind.CLOSED)
        if channel.readyState != "open":
            # It closed meanwhile, which is reported by itself.
            return
        if channel.bufferedAmount > MAX_BUFFERED_BYTES:
            raise PeerError(TransportErrorKind.TOO_LARGE)
        channel.send(text)

    def _message(self, label: str, data: str | bytes) -> None:
        text = text_of(data)
        if text is None:
            self._report(ChannelUnreadable(self._peer, label, len(data)))
        else:
            self._report(ChannelText(self._peer, label, text))


def text_of(data: str | bytes) -> str | None:
    """Returns the text of a message; `None` for what is none, or is too large."""
    if len(data) > MAX_TEXT_BYTES:
        return None
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isascii() or len(text.encode()) <= MAX_TEXT_BYTES else None


def guard(sctp: Any) -> None:
    """Lets an association, if there is one, survive texts that are none, messages without end, and losses."""
    if sctp is not None:
        set_timeouts(sctp, BEGINNING_TIMEOUT_SECONDS, MIN_TIMEOUT_SECONDS)
        repeat_beginning(sctp)
        guard_association(sctp, lambda data: text_of(data) is not None)
