"""
Which texts are replaced only where they stand by name: those that the protocol or any sentence says too.

A prompt may be `update`, a user's name `streamer`, a parameter `application/json`; were these
replaced wherever they occur, no message would be what it was.
"""

import re

from odyssey_proto.trace.redaction.encodings import LONG
from odyssey_proto.trace.redaction.secret_kinds import SecretKind

_ONE_WORD = re.compile(r"[A-Za-z0-9_/+-]{1,40}")
_SETTING = re.compile(r"[0-9]+|[A-Za-z]+|[a-z]+/[a-z0-9.+-]+")
"""What parameters of an address say: when it expires, of which type the content is."""

_SENTENCES = ("Connecting to the streamer", "Connecting with credentials")
"""What the machine itself says to the application."""

# fmt: off
_PROTOCOL = frozenset({
    "acknowledged", "application", "authenticated", "authenticating", "authorization", "available",
    "broadcast", "candidate", "candidates", "capability", "capacity", "completed", "configuration",
    "connected", "connecting", "connection", "credential", "credentials", "disconnect", "disconnected",
    "disconnecting", "exhausted", "fingerprint", "forbidden", "interactive", "malformed", "moderation",
    "negotiating", "negotiation", "portrait", "production", "queueing", "reconnecting", "recording",
    "recordings", "relevant", "required", "resolution", "signaling", "signalling", "simulation",
    "simulations", "spectator", "streamer", "streaming", "telemetry", "timestamp", "transport",
    "unauthorized", "unavailable", "undefined", "username", "websocket",
})
"""Words of the protocol that are as long as secrets are."""
# fmt: on


def may_be_word(kind: SecretKind, text: str) -> bool:
    """Returns whether a text that counts as secret where it stands may as well be said in another sense."""
    match kind:
        case SecretKind.HOST:
            return "." not in text
        case SecretKind.FOUNDATION:
            return len(text) < LONG
        case SecretKind.PROMPT:
            return _ONE_WORD.fullmatch(text) is not None or any(text in each for each in _SENTENCES)
        case SecretKind.QUERY if _SETTING.fullmatch(text):
            return True
        case SecretKind.USER if text.isalpha():
            return True
        case _:
            return text.isalpha() and (len(text) < LONG or text.lower() in _PROTOCOL)
