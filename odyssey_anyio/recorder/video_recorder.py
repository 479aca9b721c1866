"""What is received, in a file, as a block: begun on the way in, finished on every way out."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import anyio
from anyio.to_thread import run_sync

from odyssey_anyio.errors.mapping import Calling, refused, unwritable
from odyssey_anyio.media.encoded_sinks import EncodedReader, EncodedSource
from odyssey_anyio.recorder.file_writer import FileWriter
from odyssey_anyio.recorder.peer_sink import PeerSink
from odyssey_anyio.recorder.sound_sink import SoundSink
from odyssey_anyio.recorder.video_file import FORMATS
from odyssey_proto.kernel.introspection import html_table

logger: logging.Logger = logging.getLogger("odyssey.recorder")

FINISHING_SECONDS = 30.0
"""How long what waits may take to be written at the end, which takes milliseconds unless a disk is stuck."""


class VideoRecorder:
    """
    Writes what is received to a file, for `async with`; `client.record`, `stream.record` and
    `spectator.record` make it.

    Pictures are written as they were received wherever the file's format allows that, at the time at which
    they are to be seen, whatever an application reads; it begins with the first keyframe, which is asked
    for.
    What builds on a picture that was lost is left out, as it is on a screen.
    After a recovery the same file goes on.
    With `sound` the file has a track for it, also if none comes.
    At the end of the block the file is finished, and it plays up to its last second if the process is
    killed before.

    An `OdysseyFileError` is raised at the beginning of the block if the file cannot be written
    (`record.unwritable`), and at its end if writing failed, such as on a full disk (`record.failed`); the
    session goes on in both cases.

    Example:
        ```python
        async with client.record("cat.mp4") as recorder, client.stream("A cat"):
            await anyio.sleep(10)
        print(recorder.path, recorder.frames, recorder.seconds, dict(recorder.dropped))
        ```
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        begin: Callable[[EncodedReader], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        sound: bool = False,
    ) -> None:
        self.path: Path = _usable(path)
        """Where the file is."""
        if self.path.suffix.lower() not in FORMATS:
            text = f"the name of the file must end in {', '.join(FORMATS)}: {self.path.name!r:.100}"
            raise refused(text, Calling.REST, "record.format")
        self._begin = begin
        self._clock = clock
        self._writer = FileWriter(self.path, sound)
        self._sound = sound
        self._dropped: Counter[str] = Counter()
        self._detach: Callable[[], None] | None = None
        self._sources = 0
        self._entered = self._closed = False

    def __repr__(self) -> str:
        return f"<VideoRecorder {self.path} {self.frames} frames{', closed' if self._closed else ''}>"

    def _repr_html_(self) -> str:
        """Shows in a notebook what is in the file until now, and what is not."""
        figures = {"frames": self.frames, "seconds": round(self.seconds, 3), "dropped": self.dropped}
        return html_table({"type": "VideoRecorder", "path": str(self.path), **figures})

    @property
    def frames(self) -> int:
        """How many pictures were written."""
        return self._writer.frames

    @property
    def seconds(self) -> float:
        """The time between the first picture and the last, in seconds."""
        return self._writer.seconds

    @property
    def dropped(self) -> Mapping[str, int]:
        """
        How many pictures that arrived are not in the file, by reason.

        `undecoded` came before a keyframe or build on one that was lost, `overflow` came faster than they
        were written, `unwritable` after writing had failed, `closed` after the end.
        """
        lost = self._writer.lost
        reason = "undecoded" if self._writer.error is None else "unwritable"
        # A copy at once, because the media loop may count meanwhile.
        counted = Counter(dict(self._dropped))
        return MappingProxyType(dict(counted + Counter({reason: lost} if lost else {})))

    @property
    def why_empty(self) -> str | None:
        """Why nothing was written, in one line; `None` if something was."""
        if self.frames:
            return None
        if self._writer.error is not None:
            return f"the file could not be written: {self._writer.error}"
        if not self._sources:
            return "there was no session whose media engine hands out what it receives"
        dropped = sum(self.dropped.values())
        return f"none of {dropped} pictures could be begun with" if dropped else "no picture was received"

    async def __aenter__(self) -> Self:
        if self._entered:
            raise refused("a recorder writes one file: make another", Calling.REST, "record.used")
        self._entered = True
        try:
            await run_sync(self._writer.start)
        except (OSError, RuntimeError) as error:
            # Without a thread as without a file.
            raise unwritable(error, "record.unwritable") from error
        try:
            self._begin(self)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        finished = False
        with anyio.CancelScope(shield=True):
            finished = await run_sync(self._writer.finish, FINISHING_SECONDS)
        failed = self._writer.error if finished else TimeoutError("writing is stuck")
        if failed is None:
            return
        logger.warning("%s is not whole: %s", self.path, failed)
        if error is None:
            raise unwritable(failed, "record.failed") from failed

    def close(self) -> None:
        """Takes no more pictures; the end of the block finishes the file."""
        self._closed = True
        self._release()

    def attach(self, source: EncodedSource) -> None:
        """Goes on with the pictures of a new peer."""
        self._release()
        if not self._closed:
            self._sources += 1
            pictures = PeerSink(self._clock, self._writer.put, self._drop)
            if self._sound:
                pictures.sound = SoundSink(pictures, self._writer.put)
            self._detach = source(pictures)

    def _release(self) -> None:
        detach, self._detach = self._detach, None
        if detach is not None:
            detach()

    def _drop(self, reason: str) -> None:
        # One peer is in use at a time, and its loop is the only one that counts.
        self._dropped[reason] += 1


def _usable(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise refused(f"path must be a path, not {type(path).__name__}", Calling.REST, "record.path")
    try:
        usable = Path(path).expanduser()
        if b"\0" not in os.fsencode(usable):
            return usable
    except (RuntimeError, ValueError) as error:
        # The home of nobody, or a name that is no text.
        raise refused("path is not usable", Calling.REST, "record.path") from error
    raise refused("path is not usable", Calling.REST, "record.path")
