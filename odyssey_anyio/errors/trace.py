"""What an error carries of the session that raised it."""

import os
from pathlib import Path
from typing import Protocol

from odyssey_proto.trace.policy import Redaction
from odyssey_proto.trace.values import Trace


class ErrorTrace(Protocol):
    """
    The trace of a session until an error; `odyssey.SessionTrace` is the one there is.

    Here stands only what it can do, because whatever makes a trace also raises errors.
    """

    def __len__(self) -> int:
        """Returns the number of steps."""
        ...

    @property
    def raw(self) -> Trace:
        """The trace as it is in memory, secrets included."""
        ...

    def redacted(self, redaction: Redaction | None = None) -> Trace:
        """Returns the trace without secrets; raises `OdysseyTraceError` if they may still be in it."""
        ...

    def save(self, path: str | os.PathLike[str], redaction: Redaction | None = None) -> Path:
        """Writes the trace without secrets to a file; it blocks, and raises `OdysseyTraceError`."""
        ...
