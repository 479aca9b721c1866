"""Text of others, made fit for one line of a log or an error."""

MAX_LINE_CHARS = 2000
"""The longest line, in characters."""


def one_line(text: str, longest: int = MAX_LINE_CHARS) -> str:
    """
    Returns the words of a text on one line, cut at `longest` characters.

    What cannot be printed, such as a terminal's escapes or half a surrogate pair, is replaced.
    """
    words = " ".join(text[: 2 * longest].split())[:longest]
    return words if words.isprintable() else "".join(char if char.isprintable() else "�" for char in words)
