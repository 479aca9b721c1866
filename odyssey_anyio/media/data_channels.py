"""What arrives on data channels, kept to what can be meant: texts of a bounded size, in bounded memory."""

import logging
from typing import Any

MAX_TEXT_BYTES = 256 * 1024
"""The largest message that is a text; it is also what aiortc's descriptions allow (RFC 8841 section 6.1)."""

logger: logging.Logger = logging.getLogger("odyssey.media")


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
    """
    Lets an association survive what arrives on it.

    aiortc ends the whole connection over a text that is no UTF-8 and over a channel that is opened in a
    wrong way, and keeps the pieces of a message without end; it has no public way to change that.
    """
    if sctp is None or hasattr(sctp, "guarded"):
        return
    sctp.guarded = True
    receive, receive_chunk = sctp._receive, sctp._receive_data_chunk

    async def receive_message(stream_id: int, protocol: int, data: bytes) -> None:
        from aiortc.rtcsctptransport import WEBRTC_BINARY, WEBRTC_STRING

        if protocol == WEBRTC_STRING and text_of(data) is None:
            protocol = WEBRTC_BINARY
        try:
            await receive(stream_id, protocol, data)
        except Exception as error:
            logger.debug("a message on a data channel was dropped", exc_info=error)

    async def receive_piece(chunk: Any) -> None:
        # RFC 9260 section 6.2: what comes although the window is closed is not taken.
        if sctp._advertised_rwnd > 0:
            await receive_chunk(chunk)

    sctp._receive, sctp._receive_data_chunk = receive_message, receive_piece
