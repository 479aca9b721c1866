"""What is drawn or found anew in every run of a program, and so says nothing of how it behaves."""

import re
from functools import partial

from odyssey_proto.messages.public import MEMBERS, MemberKind
from odyssey_proto.trace.redaction.json_tokens import Changes, in_json

_DRAWN = frozenset(
    {"token", "candidate", "usernameFragment", "content-length", "date", "etag", "last-modified"}
)
"""Members and header fields that are different each time."""

_MEASURED = frozenset({"exp", "iat", "nbf", "timestamp_ms", "connect_duration_ms"})
"""Members whose numbers are times."""

_URL = re.compile(r"\b(https?://|wss?://|stuns?:|turns?:)[^/?#\s\"'\\]+([^?\s\"'\\]*)(?:\?[^\s\"'\\]+)?")
"""With its host, which is left out, its path, and the query by which it is signed."""

_WORD = re.compile(r"[\w-]{4,}")
_SECTION = re.compile(r"^m=(\w+) (\d+)", re.MULTILINE)


class RunWords:
    """
    Takes out of the texts of one trace, from its beginning on, what is different in every run.

    Hosts, signatures, tokens, candidates and descriptions are left out, but for the sections of these.
    An id becomes its number in the order of appearance, so that it still shows which one is meant.
    """

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._changes = Changes(str, self.plain, _number, partial(self.plain, ""))

    def plain(self, name: str, text: str) -> str:
        """Returns a text without what is drawn anew; `name` is that of its field or member."""
        kind = MEMBERS.get(name)
        if kind is MemberKind.SECRET or name in _DRAWN:
            return f"<{name}>"
        if name == "sdp" or text.startswith("v=0"):
            return _sections(text)
        if kind is MemberKind.ID and text:
            return self._ids.setdefault(text, f"<id {len(self._ids) + 1}>")
        if text[:1] in ("{", "["):
            return in_json(text, self._changes, name)
        return _WORD.sub(self._known, _URL.sub(r"\1<host>\2", text))

    def _known(self, found: re.Match[str]) -> str:
        return self._ids.get(found[0], found[0])


def _number(name: str, number: str) -> str:
    return f"<{name}>" if name in _MEASURED else number


def _sections(sdp: str) -> str:
    """Returns the kinds of the sections of a description; a port of zero refuses one."""
    kinds = (f"{kind} refused" if port == "0" else kind for kind, port in _SECTION.findall(sdp))
    return f"<description: {', '.join(kinds)}>"
