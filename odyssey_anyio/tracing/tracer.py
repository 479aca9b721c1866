"""
Records a client: in memory from the first step, in files when its policy says so.

Nothing here may break a session: what cannot be recorded or saved is logged, and a thread writes the
files.
"""

import logging
import os
import platform
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread

from odyssey_anyio.errors.classes import OdysseyTraceError
from odyssey_anyio.errors.trace import ErrorTrace
from odyssey_anyio.tracing.policy import TracePolicy
from odyssey_anyio.tracing.telemetry import Observer
from odyssey_anyio.tracing.telemetry import logger as telemetry_logger
from odyssey_anyio.tracing.version import __version__
from odyssey_proto.kernel.failures import FailureKind
from odyssey_proto.kernel.machine import Machine
from odyssey_proto.model.events import ErrorHappened, Reconnecting
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.outputs import ClientOutput, Failed, Happened
from odyssey_proto.seam.settings import Settings, SpectatorSettings
from odyssey_proto.trace.recorder import Limits, Recorder, TraceBuffer
from odyssey_proto.trace.values import Header, Step

logger: logging.Logger = logging.getLogger("odyssey.trace")

MAX_SAVE_SECONDS = 10.0
"""How long saving may hold up the end of a client; then the program goes on, and ends when it is done."""

VERSIONS = (("odyssey", __version__), ("python", platform.python_version()))
"""What a trace says of who recorded it."""

_APPLICATIONS_DOING = frozenset(
    {FailureKind.ABANDONED, FailureKind.CLOSED_LOCALLY, FailureKind.INVALID, FailureKind.STATE}
)
"""Failures after which no file is saved."""


class Tracer:
    """
    Records one core, and saves what its policy asks for.

    `snapshot` makes of what is recorded until now what an error carries and a file is saved from.
    `observers` are shown each step as it is, whether there is still room for it or not.
    """

    def __init__(
        self,
        settings: Settings | SpectatorSettings,
        policy: TracePolicy,
        snapshot: Callable[[TraceBuffer], ErrorTrace],
        observers: Iterable[Observer] = (),
    ) -> None:
        self.buffer: TraceBuffer = TraceBuffer(
            Header(settings, VERSIONS, created=settings.wall),
            Limits(size=policy.max_bytes, images=policy.images),
        )
        self._observers = list(observers)
        self._policy = policy
        self._snapshot = snapshot
        created = datetime.fromtimestamp(settings.wall / 1_000_000, UTC)
        self._name = f"odyssey-{created:%Y%m%dT%H%M%S}-{os.urandom(4).hex()}.jsonl"
        self._lock = threading.Lock()
        self._written: dict[Path, int] = {}
        self._failed = False

    def __repr__(self) -> str:
        return f"<Tracer {len(self.buffer.steps)} steps{', failed' if self._failed else ''}>"

    @property
    def full(self) -> bool:
        """Whether no further session may go into the same trace: it is a file, or has no room for one."""
        files = self._policy.directory is not None or self._policy.on_failure is not None
        return bool(self.buffer.cut) or files or 2 * self.buffer.size > self.buffer.limits.size

    def broke(self) -> None:
        """The core itself broke, which is a failure that no output says."""
        self._failed = True

    def recorded[In, Out](self, machine: Machine[In, Out]) -> Machine[In, Out]:
        """Returns the machine to step in place of another, so that everything is recorded."""
        return Recorder(machine, self._after, self.buffer.before)

    def now(self) -> ErrorTrace:
        """Returns the trace until now."""
        return self._snapshot(self.buffer)

    def asked(self, command: CommandId) -> None:
        """A call begins, in the task of its caller."""
        self._show(lambda observer: observer.asked(command))

    def failed(self, output: ClientOutput) -> bool:
        """Tells whether an output is a failure after which a file is to be saved at once."""
        match output:
            case Failed(_, failure):
                bad = failure.kind not in _APPLICATIONS_DOING
            case Happened(ErrorHappened() | Reconnecting()):
                bad = True
            case _:
                bad = False
        self._failed = self._failed or bad
        return bad and self._policy.on_failure is not None

    async def save(self) -> None:
        """Writes the files that are due, in bounded time; what goes wrong or takes longer is logged."""
        folders = [self._policy.directory, self._policy.on_failure if self._failed else None]
        trace = self.now()
        for folder in dict.fromkeys(folders):
            if folder is not None and len(trace):
                # A thread of its own, for which the interpreter waits under trio as well.
                saving = threading.Thread(target=self._save, args=(trace, folder), name="odyssey trace")
                saving.start()
                with anyio.move_on_after(MAX_SAVE_SECONDS, shield=True):
                    await anyio.to_thread.run_sync(saving.join, abandon_on_cancel=True)
                if saving.is_alive():
                    logger.warning(
                        "a trace of %d steps is still being saved: the program will end when %s is there",
                        len(trace),
                        folder / self._name,
                    )

    def _show(self, what: Callable[[Observer], None]) -> None:
        for observer in list(self._observers):
            try:
                what(observer)
            except Exception as error:  # noqa: BLE001  a session does not end because somebody looks on
                self._observers.remove(observer)
                telemetry_logger.warning("no telemetry of what follows: %s", type(error).__name__)

    def _after(self, step: Step) -> None:
        self._show(lambda observer: observer.stepped(step))
        try:
            self.buffer.after(step)
        except Exception as error:  # noqa: BLE001  a session does not end for the sake of its trace
            self.buffer.cut += 1
            logger.warning("no trace of what follows: %s", type(error).__name__)

    def _save(self, trace: ErrorTrace, folder: Path) -> None:
        # A later thread may be done before an earlier one, which then has nothing to add.
        with self._lock:
            if self._written.get(folder, 0) >= len(trace):
                return
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                trace.save(folder / self._name)
                self._written[folder] = len(trace)
            except OdysseyTraceError as error:
                logger.warning("no trace of this session: %s", error)
            except Exception as error:  # noqa: BLE001  a session does not end for the sake of its trace
                logger.warning("no trace of this session: %s", type(error).__name__)
