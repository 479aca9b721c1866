"""A file that is being loaded: kept beside its place until it is whole."""

import errno
import fcntl
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO

from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.mapping import Calling, refused, unwritable
from odyssey_proto.kernel.failures import Phase
from odyssey_proto.model.recordings import FileVersion


def _writes[**P, T](method: Callable[P, T]) -> Callable[P, T]:
    """Turns what the operating system refuses into an error of ours, which says as much."""

    @wraps(method)
    def writing(*args: P.args, **options: P.kwargs) -> T:
        try:
            return method(*args, **options)
        except OSError as error:
            if isinstance(error, OdysseyError):
                raise
            raise unwritable(error, "download.unwritable", Phase.TRANSFER) from error

    return writing


class PartialFile:
    """
    The bytes that have come, in `NAME.part`, and which file they are of, in `NAME.part.json`.

    `what` tells the files of different recordings apart; addresses, which are secrets, are not kept.
    In a folder the file has the name `name`, which must be one that is safe there.
    Its methods block: they are for a worker thread; they raise `OdysseyFileError` if a file cannot be
    written.
    """

    def __init__(self, path: Path, what: str, name: str) -> None:
        self.path: Path = path
        self._what = what
        self._name = name
        self._file: BinaryIO | None = None

    @property
    def _part(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def _note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part.json")

    @_writes
    def open(self) -> tuple[int, FileVersion | None]:
        """
        Returns how many bytes an earlier try has left, and what they are the beginning of.

        Raises `OdysseyValueError` if the path is that of a folder in a folder, of a device or a pipe, which
        no file may replace, or if another download is at work on it.
        """
        if self.path.is_dir():
            self.path /= self._name
        if self.path.exists() and not self.path.is_file():
            raise refused(f"{self.path} is a folder, a device or a pipe", Calling.REST, "download.path")
        self._file = file = self._locked()
        version = self._version_in_note()
        return (0, None) if version is None else (file.tell(), version)

    @_writes
    def restart(self, version: FileVersion) -> None:
        """Empties the file; what comes next is the beginning of `version`."""
        assert self._file is not None, "it is open"
        self._file.truncate(0)
        note = {"of": self._what, "tag": version.etag, "total": version.total}
        self._note.write_text(json.dumps(note), encoding="utf-8")

    @_writes
    def append(self, data: bytes) -> None:
        """Adds what came."""
        assert self._file is not None, "it is open"
        self._file.write(data)
        self._file.flush()

    @_writes
    def finish(self) -> None:
        """Puts the whole file in its place, at once."""
        assert self._file is not None, "it is open"
        os.fsync(self._file.fileno())
        self._part.replace(self.path)
        self._remove_note()

    def close(self) -> None:
        """Closes; what can be resumed later is left there."""
        if self._file is None:
            return
        with self._file:
            # While it is locked, for the name may be that of another download's file soon; after `finish` it
            # may be already.
            if os.fstat(self._file.fileno()).st_size == 0 and self._in_place(self._file):
                with suppress(OSError):
                    self._part.unlink()
                self._remove_note()

    def _locked(self) -> BinaryIO:
        """Opens the partial file for ourselves alone."""
        while True:
            file = self._part.open("ab")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Between the opening and the lock another download may have finished: then this is its file.
                if self._in_place(file):
                    return file
            except OSError as error:
                file.close()
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                    raise
                raise refused(f"another download writes {self.path}", Calling.REST, "download.busy") from None
            file.close()

    def _in_place(self, file: BinaryIO) -> bool:
        """Tells whether an open file is the one that stands under the name of the partial file."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), self._part.stat())
        except FileNotFoundError:
            return False

    def _remove_note(self) -> None:
        self._note.unlink(missing_ok=True)

    def _version_in_note(self) -> FileVersion | None:
        try:
            note: Any = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        match note:
            case {"of": self._what, "tag": str(tag), "total": int() | None as total}:
                return FileVersion(tag, total)
            case _:
                return None
