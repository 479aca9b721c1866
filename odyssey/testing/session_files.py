"""The traces of one test: files beside it, one for each session, without secrets."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from attrs import frozen

from odyssey_proto.trace import Trace, TraceError, read_file

SUFFIX = ".jsonl"

MAX_NAME_CHARS = 150
"""The longest name of a file, without its number and ending."""

SAFE = "[]=,+ "
"""What may stand in a file's name besides letters and digits."""


class SessionFileError(Exception):
    """A trace that cannot be kept or used; the message says which, and why."""


@frozen
class SessionFiles:
    """Where the sessions of one test are kept: `name.jsonl`, then `name.2.jsonl` and so on."""

    first: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are there, in the order of their sessions."""
        found: list[Path] = []
        while (path := self._numbered(len(found))).is_file():
            found.append(path)
        return tuple(found)

    def load(self) -> tuple[Trace, ...]:
        """Returns the traces; raises `SessionFileError` for a file that is none or holds secrets."""
        return tuple(map(_load, self.files))

    def keep(self, folder: Path) -> tuple[Path, ...]:
        """
        Takes over what was recorded into a folder, in the place of what was kept before.

        Returns the files.
        Raises `SessionFileError` if there is nothing, or if it cannot be used later; then all is as it was.
        """
        loaded = [(_load(path), path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
        if not loaded:
            raise SessionFileError(
                "no session was recorded: the test made none, did not leave its client, "
                "or its client has a folder of its own for traces"
            )
        if cut := sum(trace.cut for trace, _ in loaded):
            raise SessionFileError(f"the trace was full: {cut} steps are missing")
        loaded.sort(key=lambda each: each[0].header.created or 0)
        before = self.files
        self.first.parent.mkdir(parents=True, exist_ok=True)
        for number, (_, path) in enumerate(loaded):
            self._numbered(number).write_bytes(path.read_bytes())
        for path in before[len(loaded) :]:
            path.unlink()
        return self.files

    def _numbered(self, number: int) -> Path:
        return self.first.with_suffix(f".{number + 1}{SUFFIX}") if number else self.first


def files_of(module: Path, test: str) -> SessionFiles:
    """Returns the place for the traces of a test: `traces/MODULE/TEST.jsonl` beside its module."""
    return SessionFiles(module.parent / "traces" / module.stem / f"{_name(test)}{SUFFIX}")


def _name(test: str) -> str:
    """Returns a file's name for a test, which no other test has."""
    head, _, parameters = test.partition("[")
    name = _encoded(test)
    # In other scripts, which pytest escapes, and at length a name says nothing: a digest stands for it.
    if parameters.isascii() and "\\" not in parameters and len(name) <= MAX_NAME_CHARS:
        return name
    digest = sha256(test.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{_encoded(head)[: MAX_NAME_CHARS - len(digest) - 2]}[{digest}]"


def _encoded(text: str) -> str:
    return quote(text, safe=SAFE, errors="surrogatepass").replace(".", "%2E")


def files_named(module: Path, name: str) -> SessionFiles:
    """Returns the place of traces that a test names itself, relative to the folder of its module."""
    if not name.endswith(SUFFIX):
        raise SessionFileError(f"a trace is named *{SUFFIX}, not {name!r}")
    return SessionFiles(module.parent / name)


@contextmanager
def unsaved() -> Iterator[list[str]]:
    """Yields a list that collects why sessions could not be saved while the block runs."""
    reasons: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reasons.append(record.getMessage())

    listener = Listener(logging.WARNING)
    logger = logging.getLogger("odyssey.trace")
    logger.addHandler(listener)
    try:
        yield reasons
    finally:
        logger.removeHandler(listener)


def _load(path: Path) -> Trace:
    try:
        with path.open("rb") as file:
            trace = read_file(file)
    except (OSError, TraceError) as error:
        raise SessionFileError(f"{path.name} cannot be read: {error}") from None
    if not trace.header.redacted:
        raise SessionFileError(f"{path.name} may hold secrets: it was not exported")
    return trace
