"""
The trace of a session, as the application has it: shown to debuggers, saved without its secrets.

Saving redacts, searches and replays a trace, about 0.3 ms for each step, however long it is.
So it never runs on a loop: a client's `save_trace` is awaited and leaves the work to a thread, and
`SessionTrace.save` is for where no loop runs, such as after `asyncio.run`.
What saving needs is imported by it: most sessions are never saved, and connecting would wait for it.
"""

import errno
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NoReturn

import anyio.to_thread
from attrs import evolve

from odyssey_anyio.errors.classes import OdysseyTraceError
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.introspection import html_table
from odyssey_proto.model.events import Event
from odyssey_proto.seam.outputs import Happened
from odyssey_proto.trace.codec import UnknownValueError
from odyssey_proto.trace.policy import Redaction
from odyssey_proto.trace.recorder import TraceBuffer
from odyssey_proto.trace.values import Make, Trace


class SessionTrace:
    """
    The trace of a session until one moment: what an error carries.

    `make` is how a machine of the recorded kind is made, which proves what is saved.
    In memory it holds everything, secrets included, so its `repr` shows nothing of it and it cannot
    be pickled.
    """

    def __init__(self, make: Make, redaction: Redaction, buffer: TraceBuffer) -> None:
        self._make = make
        self._buffer = buffer
        self._length = len(buffer.steps)
        self._broken = buffer.broken is not None
        self._redaction = redaction

    def __repr__(self) -> str:
        return f"<SessionTrace {self._length} steps>"

    def _repr_html_(self) -> str:
        """Shows in a notebook what happened in the session, and when; nothing that `save` leaves out."""
        steps = self.redacted().steps
        events = [
            {"seconds": f"{(step.at - steps[0].at) / 1_000_000:.3f}", **_shown(output.event)}
            for step in steps
            for output in step.outputs
            if isinstance(output, Happened)
        ]
        return html_table({"type": repr(self), "events": events})

    def __reduce__(self) -> NoReturn:
        raise TypeError("a trace holds secrets and cannot be pickled: save it")

    def __len__(self) -> int:
        return self._length

    @property
    def raw(self) -> Trace:
        """The trace as it is in memory, secrets included."""
        trace = self._buffer.trace(self._length)
        # A step that began since, seen from the thread that saves, has broken nothing.
        return trace if self._broken else evolve(trace, broken=None)

    def redacted(self, redaction: Redaction | None = None) -> Trace:
        """
        Returns the trace without secrets, searched and replayed.

        `redaction` says what else stays out; without it, the client's `traces` say so.
        Raises `OdysseyTraceError` if it cannot be proved that no secret is left.
        """
        from odyssey_proto.trace.redaction.redactor import RedactionError, redacted

        try:
            return redacted(self.raw, self._make, redaction or self._redaction)
        except RedactionError as error:
            raise _trace_error(str(error), "trace.refused") from error

    def save(self, path: str | os.PathLike[str], redaction: Redaction | None = None) -> Path:
        """
        Writes the trace without secrets to the file `path`, which only its owner can read; returns its path.

        It blocks, for half a minute after a session of many hours: in async code await
        `client.save_trace(path)`, or `anyio.to_thread.run_sync(error.trace.save, path)`.
        `redaction` says what else stays out; without it, the client's `traces` say so.
        Raises `OdysseyTraceError` if it cannot be done; then the file is as it was before.
        """
        shared = self.redacted(redaction)
        target = Path(path)
        try:
            _write(target, shared)
        except (OSError, UnknownValueError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            text = f"the trace cannot be written to {target}: {why or type(error).__name__}"
            raise _trace_error(text, "trace.unwritable") from error
        return target


class Recorded(ABC):
    """Something with a trace that can be saved."""

    @property
    @abstractmethod
    def trace(self) -> SessionTrace | None:
        """The trace until now, if there is one."""

    async def save_trace(self, path: str | os.PathLike[str], redaction: Redaction | None = None) -> Path:
        """
        Writes the trace, without secrets, to the file `path`, which only its owner can read; returns that.

        A thread does the work, so nothing else waits for it.
        `redaction` says what else stays out; without it, the client's `traces` say so.
        Raises `OdysseyTraceError` if there is no trace, if it cannot be proved that no secret is left,
        or if the file cannot be written.
        """
        trace = self.trace
        if trace is None:
            raise _trace_error("there is nothing to save yet", "trace.empty")
        return await anyio.to_thread.run_sync(trace.save, path, redaction)


def _shown(event: Event) -> dict[str, Any]:
    """Returns what happened, and what is known of it."""
    known = {name: content for name, content in event.to_dict().items() if content is not None}
    return {"event": known.pop("type"), "what": known}


def _write(target: Path, trace: Trace) -> None:
    from odyssey_proto.trace.format import lines

    if target.exists() and not target.is_file():
        # Whoever may do so would replace a device, such as /dev/null, for all programs.
        raise FileExistsError(errno.EEXIST, "it is a folder, a device or a pipe")
    part = target.with_name(f"{target.name}.{os.urandom(4).hex()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in lines(trace))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _trace_error(text: str, code: str) -> OdysseyTraceError:
    return OdysseyTraceError(text, Failure(FailureKind.STATE, text, code=code))
