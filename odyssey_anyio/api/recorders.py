"""Writing what a client receives to a file."""

import os
from collections.abc import Callable

from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.frame_reader import Frames
from odyssey_anyio.recorder.video_recorder import VideoRecorder
from odyssey_proto.seam.settings import Settings


class RecorderCalls:
    """The recorders of a client, which go on beyond a session."""

    _frames: Frames[VideoFrame]
    _settings: Settings
    _check_reader: Callable[[], None]

    def record(self, path: str | os.PathLike[str]) -> VideoRecorder:
        """
        Returns a recorder for `async with`, which writes what is received to the file `path`.

        The ending of the name says in which format: `.mp4`, `.webm` or `.mkv` (docs/how-to/record.md); a file
        that is there is replaced.
        The sound of a client that was made with `audio=True` is written as well.
        It goes on beyond streams and sessions, and may begin before there is any.
        Raises `OdysseyValueError` for another ending; what the block raises stands at `VideoRecorder`.

        Example:
            ```python
            async with client.record("cat.mp4") as recorder, client.stream("A cat"):
                await anyio.sleep(10)
            print(recorder.frames, recorder.seconds)
            ```
        """
        self._check_reader()
        return VideoRecorder(path, self._frames.record, sound=self._settings.audio)
