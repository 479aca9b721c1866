"""
The recording of a client: in memory from the first step, saved when somebody asks or something fails.

Nothing here may break a session: what cannot be saved is logged, and files are written by a thread.
"""

import logging
import os
import platform
import threading
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

import anyio
import anyio.to_thread
from attrs import evolve, field, frozen

from odyssey_anyio.errors.classes import OdysseyTraceError
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Machine
from odyssey_proto.model.events import ErrorHappened
from odyssey_proto.model.validators import whole
from odyssey_proto.seam.outputs import ClientOutput, Failed, Happened
from odyssey_proto.seam.settings import Settings, SpectatorSettings
from odyssey_proto.trace.blobs import Images
from odyssey_proto.trace.codec import UnknownValueError
from odyssey_proto.trace.format import lines
from odyssey_proto.trace.recorder import MAX_BYTES, Limits, Recorder, Tape
from odyssey_proto.trace.redaction.pseudonyms import Prompts
from odyssey_proto.trace.redaction.redactor import Redaction, RedactionError, redacted
from odyssey_proto.trace.values import Header, Step, Trace

logger = logging.getLogger("odyssey.trace")

SAVING = 10.0
"""How long saving may hold up the end of a client, in seconds."""

_UNREMARKABLE = frozenset(
    {FailureKind.ABANDONED, FailureKind.CLOSED_LOCALLY, FailureKind.INVALID, FailureKind.STATE}
)
"""Failures that are the application's own doing."""


def _folder(path: str | os.PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path)


@frozen(kw_only=True)
class TracePolicy:
    """
    What is kept of every session, and where.

    Whatever is written is redacted; secrets, addresses and host names never stay.
    """

    directory: Path | None = field(default=None, converter=_folder)
    """A folder for one file of every session; `None`: that of ODYSSEY_TRACE_DIR, if it is set."""
    on_failure: Path | None = field(default=None, converter=_folder)
    """A folder for one file of every session in which something failed."""
    prompts: Prompts = field(default=Prompts.KEEP, converter=Prompts)
    """`keep`, `hash` (length and digest) or `drop` (length)."""
    images: Images = field(default=Images.HASH, converter=Images)
    """The same; what is not kept is not held in memory either."""
    most: int = field(default=MAX_BYTES, validator=whole(0))
    """Roughly how many bytes of a session are kept in memory; what comes after is only counted."""

    @property
    def redaction(self) -> Redaction:
        """What stays in a file."""
        return Redaction(prompts=self.prompts, images=self.images)


def policy_of(given: TracePolicy | None) -> TracePolicy:
    """Returns a policy with the folder of ODYSSEY_TRACE_DIR, unless it names one itself."""
    policy = given or TracePolicy()
    if policy.directory is not None:
        return policy
    return evolve(policy, directory=os.environ.get("ODYSSEY_TRACE_DIR") or None)


class SessionTrace:
    """
    The recording of a session until one moment: what an error carries.

    In memory it holds what was said, secrets included, so it shows and pickles nothing of it.
    """

    def __init__(self, tape: Tape, redaction: Redaction) -> None:
        self._tape = tape
        self._length = len(tape.steps)
        self._broken = tape.broken is not None
        self._redaction = redaction

    def __repr__(self) -> str:
        return f"<SessionTrace {self._length} steps>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a recording holds secrets and cannot be pickled: save it")

    def __len__(self) -> int:
        return self._length

    @property
    def raw(self) -> Trace:
        """The recording as it is in memory, secrets included."""
        trace = self._tape.trace(self._length)
        # A step that began since, seen from the thread that saves, has broken nothing.
        return trace if self._broken else evolve(trace, broken=None)

    def redacted(self, redaction: Redaction | None = None) -> Trace:
        """
        Returns the recording without secrets, searched and replayed.

        Raises `OdysseyTraceError` if it cannot be proved that nothing is told.
        """
        try:
            return redacted(self.raw, redaction or self._redaction)
        except RedactionError as error:
            raise _unusable(str(error), "trace.refused") from error

    def save(self, path: str | os.PathLike[str], redaction: Redaction | None = None) -> Path:
        """
        Writes the recording without secrets to a file that only its owner can read.

        Raises `OdysseyTraceError` if that cannot be done; then the file is as it was before.
        """
        shared = self.redacted(redaction)
        target = Path(path)
        try:
            _write(target, shared)
        except (OSError, UnknownValueError) as error:
            raise _unusable(
                f"the trace cannot be written: {type(error).__name__}", "trace.unwritable"
            ) from error
        return target


class Recorded(ABC):
    """Something with a recording that can be saved."""

    @property
    @abstractmethod
    def trace(self) -> SessionTrace | None:
        """The recording until now, if there is one."""

    async def save_trace(self, path: str | os.PathLike[str], redaction: Redaction | None = None) -> Path:
        """
        Writes the recording, without secrets, to a file that only its owner can read.

        `redaction` says what else stays out, unless that is what the client's `traces` say.
        Raises `OdysseyTraceError` if there is none, or if it cannot be proved that nothing is told.
        """
        trace = self.trace
        if trace is None:
            raise _unusable("there is nothing to save yet", "trace.empty")
        return await anyio.to_thread.run_sync(trace.save, path, redaction)


class Tracer:
    """Records one core, and saves what its policy asks for."""

    def __init__(self, settings: Settings | SpectatorSettings, policy: TracePolicy) -> None:
        self.tape = Tape(
            Header(settings, VERSIONS, created=settings.wall),
            Limits(size=policy.most, images=policy.images),
        )
        self._policy = policy
        moment = datetime.fromtimestamp(settings.wall / 1_000_000, UTC)
        self._name = f"odyssey-{moment:%Y%m%dT%H%M%S}-{os.urandom(4).hex()}.jsonl"
        self._lock = threading.Lock()
        self._written: dict[Path, int] = {}
        self._failed = False

    def __repr__(self) -> str:
        return f"<Tracer {len(self.tape.steps)} steps{', failed' if self._failed else ''}>"

    @property
    def full(self) -> bool:
        """Whether no further session may go into the same recording: it is a file, or has no room for one."""
        files = self._policy.directory is not None or self._policy.on_failure is not None
        return bool(self.tape.cut) or files or 2 * self.tape.size > self.tape.limits.size

    def broke(self) -> None:
        """The core itself broke, which is a failure of which no output tells."""
        self._failed = True

    def recorded[In, Out](self, machine: Machine[In, Out]) -> Machine[In, Out]:
        """Returns the machine to step in place of another, so that everything is recorded."""
        return Recorder(machine, self._after, self.tape.before)

    def now(self) -> SessionTrace:
        """Returns the recording until now."""
        return SessionTrace(self.tape, self._policy.redaction)

    def failed(self, output: ClientOutput) -> bool:
        """Tells whether an output is a failure after which a file is to be saved at once."""
        match output:
            case Failed(_, failure):
                bad = failure.kind not in _UNREMARKABLE
            case Happened(ErrorHappened()):
                bad = True
            case _:
                bad = False
        self._failed = self._failed or bad
        return bad and self._policy.on_failure is not None

    async def save(self) -> None:
        """Writes the files that are due, in bounded time; what goes wrong is logged."""
        folders = [self._policy.directory, self._policy.on_failure if self._failed else None]
        trace = self.now()
        for folder in dict.fromkeys(folders):
            if folder is not None and len(trace):
                with anyio.move_on_after(SAVING, shield=True):
                    await anyio.to_thread.run_sync(self._save, trace, folder, abandon_on_cancel=True)

    def _after(self, step: Step) -> None:
        try:
            self.tape.after(step)
        except Exception as error:  # noqa: BLE001  a session does not end for the sake of its trace
            self.tape.cut += 1
            logger.warning("no trace of what follows: %s", type(error).__name__)

    def _save(self, trace: SessionTrace, folder: Path) -> None:
        # A later recording may overtake an earlier one, which then has nothing to add.
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


def _write(target: Path, trace: Trace) -> None:
    part = target.with_name(f"{target.name}.{os.urandom(4).hex()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in lines(trace))
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _versions() -> tuple[tuple[str, str], ...]:
    try:
        ours = version("odyssey")
    except PackageNotFoundError:
        ours = "unknown"
    return ("odyssey", ours), ("python", platform.python_version())


VERSIONS = _versions()
"""What a recording says of who made it; looked up once, because that reads files."""


def _unusable(text: str, code: str) -> OdysseyTraceError:
    return OdysseyTraceError(text, Failure(FailureKind.STATE, text, code=code))
