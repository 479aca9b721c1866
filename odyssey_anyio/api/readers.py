"""Readers of what happens, of pictures and of sound, each an async iterator from now on; and recorders."""

import os
from abc import abstractmethod

from odyssey_anyio.api import arguments
from odyssey_anyio.events.event_stream import MAX_QUEUE, EventPublisher, EventStream
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.delivery import AUDIO_POLICY, Newest, Policy
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.frame_reader import FrameReader, Frames
from odyssey_anyio.recorder.video_recorder import VideoRecorder
from odyssey_proto.seam.settings import Settings

_WITH_AUDIO = "a client that receives audio: make it with Odyssey(audio=True)"


class ReaderCalls:
    """The readers of a client, which go on beyond a session."""

    _settings: Settings
    _publisher: EventPublisher
    _frames: Frames[VideoFrame]
    _audio: Frames[AudioFrame]

    @abstractmethod
    def _check_reader(self) -> None:
        """Raises where readers cannot be used."""

    def events(self, size: int = MAX_QUEUE) -> EventStream:
        """
        Returns every event from now on, as an async iterator that ends when the application leaves.

        Up to `size` may wait unread; then the oldest are dropped, and counted.

        Example:
            ```python
            async for event in client.events():
                print(event)
            ```
        """
        self._check_reader()
        reader = EventStream(size, self._check_reader)
        self._publisher.add(reader)
        return reader

    def frames(self, policy: Policy | None = None) -> FrameReader[VideoFrame]:
        """
        Returns the frames from now on, the newest first unless `policy` says otherwise.

        Example:
            ```python
            async for frame in client.frames(Bounded(64)):
                print(frame.data.mean())
            ```
        """
        self._check_reader()
        return self._frames.read(arguments.policy_or_none(policy, "policy") or Newest())

    @property
    def latest_frame(self) -> VideoFrame | None:
        """
        The newest frame since the last stream began; `None` before the first.

        Any thread may ask, and nothing is waited for; it stays when the stream has ended.
        """
        return self._frames.latest

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

    def audio(self, policy: Policy | None = None) -> FrameReader[AudioFrame]:
        """
        Returns the sound from now on, in frames of mostly 20 ms.

        Two seconds of it wait unless `policy` says otherwise.
        There is none where the streamer offers none.
        Raises `OdysseyValueError` unless the client was made with `Odyssey(audio=True)`.

        Example:
            ```python
            async for frame in client.audio():
                speaker.write(frame.data)
            ```
        """
        arguments.check_audio(self._settings.audio, "audio()", _WITH_AUDIO)
        self._check_reader()
        return self._audio.read(arguments.policy_or_none(policy, "policy") or AUDIO_POLICY)

    def _checked_handlers(self, handlers: ConnectHandlers) -> ConnectHandlers:
        """Returns handlers as they are; refuses what is none, and one of sound that would never be called."""
        return arguments.checked_handlers(handlers, self._settings.audio, _WITH_AUDIO)

    def _end_readers(self) -> None:
        """Ends readers that were opened ahead of a first call, or after the last."""
        self._publisher.close()
        self._frames.close()
        self._audio.close()
