"""
What counts as the name of a host in a text that is no address.

A dot alone makes none: `video.mp4`, `asyncio.TimeoutError`, `reply.malformed` and `1.2.3` are to stay.
A port does, a top-level domain in common use, and, for names of three parts or more, one of the
private ones or of a country.
"""

import re

NAME = r"(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,62}\.){1,10}[A-Za-z]{2,24}(?![A-Za-z0-9_-])"
"""What may be the name of a host; `is_name` tells whether it is."""

_COMMON = frozenset({"com", "net", "org", "edu", "gov", "io", "ai", "dev", "app", "cloud", "tv", "arpa"})
_RESERVED = frozenset({"example", "test", "invalid", "localhost", "local"})
_PRIVATE = frozenset({"internal", "intranet", "lan", "corp", "home", "int", "mil", "info", "biz"})
_FILES = frozenset(
    {"py", "js", "ts", "md", "rs", "go", "sh", "gz", "so", "cc", "pl", "rb", "db", "html", "css"}
)
_FILES |= frozenset({"json", "txt", "log", "toml", "yaml", "yml", "jsonl", "java", "cpp", "tsx", "jsx"})

_PORT = re.compile(r":[0-9]{2,5}(?![0-9])")


def is_name(text: str, after: str) -> bool:
    """Returns whether a name with dots is that of a host; `after` is what follows it."""
    *labels, top = text.split(".")
    lower = top.lower()
    if top not in (lower, top.upper()) or lower in _FILES or not any(map(str.isalpha, labels[-1])):
        return False
    if lower in _COMMON or lower in _RESERVED or _PORT.match(after):
        return True
    return len(labels) > 1 and (lower in _PRIVATE or len(lower) == 2)
