"""What arrives on data channels, kept to what can be meant: texts of a bounded size, in bounded memory."""

from typing import Any

from odyssey_anyio.media.aiortc_internals import guard_association

MAX_TEXT_BYTES = 256 * 1024
"""The largest message that is a text; it is also what aiortc's descriptions allow (RFC 8841 section 6.1)."""


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
    """Lets an association, if there is one, survive a text that is none, and a message without end."""
    if sctp is not None:
        guard_association(sctp, lambda data: text_of(data) is not None)
