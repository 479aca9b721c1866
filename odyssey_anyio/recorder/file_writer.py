"""The thread that writes a file, and what waits for it: bounded, and what does not fit is refused."""

import threading
from collections import deque
from pathlib import Path

from odyssey_anyio.recorder.timed_picture import TimedPicture, TimedSound
from odyssey_anyio.recorder.video_file import VideoFile

MAX_WAITING_FRAMES = 768
"""How many pictures and frames of sound may wait to be written; ten seconds of the service's."""

MAX_WAITING_BYTES = 32 * 1024 * 1024
"""How many bytes may wait to be written."""


REST_SECONDS = 0.2
"""
How long the thread rests when nothing waits.

To wake it for each picture would cost thirty times as much as to write it.
"""


class FileWriter:
    """
    Writes pictures, and sound if it is wanted, in a thread of its own, in the order in which they are put.

    `put` never blocks, and any thread may call it.
    After an error nothing more is written, and `error` has it.
    """

    def __init__(self, path: Path, sound: bool = False) -> None:
        self._file = VideoFile(path, sound)
        self._changed = threading.Condition()
        self._waiting: deque[TimedPicture | TimedSound] = deque()
        self._waiting_bytes = 0
        self._ended = False
        self._needs_keyframe = False
        self._taken = 0
        self.lost: int = 0
        """How many of the pictures that were taken could not be written; known at the end."""
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name="odyssey recorder", daemon=True)

    def __repr__(self) -> str:
        return f"<FileWriter {self._file!r}, {len(self._waiting)} waiting>"

    @property
    def frames(self) -> int:
        """How many pictures were written."""
        return self._file.frames

    @property
    def seconds(self) -> float:
        """The time from the first picture to the last."""
        return self._file.seconds

    def start(self) -> None:
        """Begins; `OSError` if there can be no file, `RuntimeError` if there can be no thread. Blocks."""
        self._file.create()
        self._thread.start()

    def put(self, frame: TimedPicture | TimedSound) -> str:
        """
        Takes a picture or a sound; returns why it will not be written, or nothing.

        What is left of a video in which a picture could not be decoded is refused up to the next keyframe.
        """
        with self._changed:
            if self._ended or self.error is not None:
                return "closed" if self.error is None else "unwritable"
            if len(self._waiting) >= MAX_WAITING_FRAMES or self._waiting_bytes >= MAX_WAITING_BYTES:
                return "overflow"
            if isinstance(frame, TimedPicture):
                self._needs_keyframe = self._needs_keyframe and not frame.keyframe
                if self._needs_keyframe:
                    return "undecoded"
                self._taken += 1
            self._waiting.append(frame)
            self._waiting_bytes += len(frame.data)
        return ""

    def finish(self, seconds: float) -> bool:
        """Takes no more, and waits until all is written; returns whether it was in time. Blocks."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _next(self) -> TimedPicture | TimedSound | None:
        with self._changed:
            # What waits may begin with a keyframe that is good.
            self._needs_keyframe = self._file.needs_keyframe and not self._waiting
            while not self._waiting:
                if self._ended:
                    return None
                self._changed.wait(REST_SECONDS)
            frame = self._waiting.popleft()
            self._waiting_bytes -= len(frame.data)
            return frame

    def _work(self) -> None:
        try:
            try:
                while (frame := self._next()) is not None:
                    if isinstance(frame, TimedSound):
                        self._file.write_sound(frame)
                    else:
                        self._file.write(frame)
            finally:
                self._file.close()
        except Exception as error:  # noqa: BLE001  # whatever it is, the session goes on
            self.error = error
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._waiting_bytes = 0
            self.lost = self._taken - self._file.frames
