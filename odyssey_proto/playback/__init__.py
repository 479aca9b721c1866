"""
A recording that answers: the server's side of a recorded session, for whoever speaks as its client did.

What a recording of a client holds is what it said and what it heard.
Served, what it heard is said again, each thing at its place: after everything that the client had
said before it.
What the client says now is compared with what it said then, and what is different is told.
"""

from odyssey_proto.playback.divergence import Divergence, DivergenceError
from odyssey_proto.playback.machine import Playback
from odyssey_proto.playback.script import Script, UnplayableError, script_of

__all__ = (
    "Divergence",
    "DivergenceError",
    "Playback",
    "Script",
    "UnplayableError",
    "script_of",
)
