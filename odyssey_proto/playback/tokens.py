"""Tokens with times in them: played later, they last as long as they did."""

import re

from odyssey_proto.kernel.failures import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.json_text import compact, parse
from odyssey_proto.kernel.text import from_base64url, to_base64url
from odyssey_proto.trace.redaction.texts import JWT

TIMES = ("exp", "iat", "nbf")
"""The claims that are times, in seconds since 1970 (RFC 7519 section 4.1)."""


def later(text: str, seconds: int) -> str:
    """Returns a text in which the times of every JWT are so many seconds later; signatures do not hold."""
    return JWT.sub(lambda found: _moved(found, seconds), text)


def _moved(found: re.Match[str], seconds: int) -> str:
    header, claims, signature = found[0].split(".")
    try:
        parsed = parse(from_base64url(claims))
        times = {name: parsed[name] + seconds for name in TIMES if type(parsed.get(name)) is int}
        text = compact(parsed | times)
    except (RemoteProtocolError, LocalProtocolError, ValueError):
        return found[0]
    return f"{header}.{to_base64url(text.encode())}.{signature}"
