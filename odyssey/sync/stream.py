"""A stream as a block, and a file of what is received; docs/mirror.py generates it from the async API."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from odyssey.sync.iterators import FrameReader
from odyssey.sync.mirror import Mirror
from odyssey_anyio.api.live_stream import LiveStream as AsyncLiveStream
from odyssey_anyio.media.delivery import Policy
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.recorder.video_recorder import VideoRecorder as AsyncVideoRecorder


class VideoRecorder(Mirror[AsyncVideoRecorder]):
    """
    Writes what is received to a file, for `with`; `client.record`, `stream.record` and
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
        with client.record("cat.mp4") as recorder, client.stream("A cat"):
            time.sleep(10)
        print(recorder.path, recorder.frames, recorder.seconds, dict(recorder.dropped))
        ```
    """

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._original.path

    @property
    def frames(self) -> int:
        """How many pictures were written."""
        return self._original.frames

    @property
    def seconds(self) -> float:
        """The time between the first picture and the last, in seconds."""
        return self._original.seconds

    @property
    def dropped(self) -> Mapping[str, int]:
        """
        How many pictures that arrived are not in the file, by reason.

        `undecoded` came before a keyframe or build on one that was lost, `overflow` came faster than they
        were written, `unwritable` after writing had failed, `closed` after the end.
        """
        return self._original.dropped

    @property
    def why_empty(self) -> str | None:
        """Why nothing was written, in one line; `None` if something was."""
        return self._original.why_empty

    def __enter__(self) -> Self:
        self._portal.call(self._original.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.finish(self._original.__aexit__, kind, error, trace)


class LiveStream(Mirror[AsyncLiveStream]):
    """
    One stream, for `with`.

    It may end by itself; then the frames end as well, and the end of the block has nothing left to do.
    With an error the frames end as well, unless it did not end the stream (`StreamFailed.ends` is `False`):
    one that answers a prompt is raised by `interact` and ends no frames.
    If it is not known whether the stream goes on, it is ended at the end of the block.
    A stream that a `ReconnectPolicy` starts again in another session is the same to this block, and so are
    its frames.
    """

    @property
    def stream_id(self) -> str:
        """The service's name for the stream, also that of its recording; another one after a recovery."""
        return self._original.stream_id

    def __enter__(self) -> Self:
        self._portal.call(self._original.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.finish(self._original.__aexit__, kind, error, trace)

    @property
    def over(self) -> bool:
        """Whether the stream has ended, or failed."""
        return self._original.over

    @property
    def last_frame(self) -> VideoFrame | None:
        """
        The newest frame of the stream, and the last one when it is over; `None` before the first.

        Any thread may ask, and nothing is waited for.
        A stream may begin with it.

        Example:
            ```python
            with client.stream("A cat walks to the door") as first:
                time.sleep(5)
            with client.stream("It goes out", image=first.last_frame) as second:
                time.sleep(5)
            ```
        """
        return self._original.last_frame

    def ended(self) -> None:
        """
        Waits until the stream is over, by itself or by `end`.

        Raises what `frames` raises if it failed.
        """
        return self._portal.call(self._original.ended)

    def frames(self, policy: Policy | None = None) -> FrameReader[VideoFrame]:
        """
        Returns the frames of the stream from now on, the newest first unless `policy` says otherwise.

        They end with the stream; if it failed, the iteration raises why.

        Example:
            ```python
            with client.stream("A cat") as stream:
                for frame in stream.frames():
                    window.show(frame.bgr)
            ```
        """
        return FrameReader[VideoFrame](self._portal, self._portal.do(self._original.frames, policy))

    def record(self, path: str | os.PathLike[str]) -> VideoRecorder:
        """
        Returns a recorder for `with`, which writes the stream to `path` (docs/how-to/record.md).

        It takes nothing more when the stream ends; the end of its own block finishes the file.
        Raises `OdysseyValueError` unless the name ends in `.mp4`, `.webm` or `.mkv`.
        """
        return VideoRecorder(self._portal, self._portal.do(self._original.record, path))

    def interact(self, prompt: str) -> str:
        """
        Steers the stream by `prompt`; returns it as it was applied. Raises `OdysseyStreamError`.

        Example:
            ```python
            applied = stream.interact("Pet the cat")
            ```
        """
        return self._portal.call(self._original.interact, prompt)

    def end(self) -> None:
        """Ends the stream before the block does; one that has ended stays so. Raises `OdysseyStreamError`."""
        return self._portal.call(self._original.end)
