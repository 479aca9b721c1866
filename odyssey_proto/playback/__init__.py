"""
A trace that answers: the server's side of a recorded session, for whoever speaks as its client did.

The trace of a client holds what it sent and what it received.
Served, what it received is sent again, each thing at its place: after everything that the client had
sent before it.
What the client sends now is compared with what it sent then, and every difference is reported.
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
