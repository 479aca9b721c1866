"""Text: made fit for one line, what UTF-8 can say, base64 for URLs."""

import base64

CUT = "…"
"""Stands for what does not fit."""

MAX_LINE_CHARS = 2000
"""The longest line of ours that repeats what others say."""


def one_line(text: str, longest: int = MAX_LINE_CHARS) -> str:
    """
    Returns the words of a text on one line, cut at `longest` characters.

    What cannot be printed, such as a terminal's escapes or half a surrogate pair, is replaced.
    """
    words = " ".join(text[: 2 * longest].split())[:longest]
    return words if words.isprintable() else "".join(char if char.isprintable() else "�" for char in words)


def whole_words(text: str, longest: int) -> str:
    """Returns at most `longest` characters of a text, without the word that the cut would go through."""
    if len(text) <= longest:
        return text
    words = text[: longest - 1].rsplit(None, 1)
    return (words[0] if len(words) > 1 else "") + CUT


def encodable(text: str) -> bool:
    """Tells whether a text can be said in UTF-8, which half a surrogate pair cannot."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def to_base64url(data: bytes) -> str:
    """Returns bytes in base64 for URLs, without padding (RFC 4648 section 5), as JWTs have them."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Returns the bytes of a text in base64 for URLs; raises `ValueError` if it is none."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
