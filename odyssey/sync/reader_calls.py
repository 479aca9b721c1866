"""Preparing, and readers and recorders of what comes; docs/mirror.py generates it from the async API."""

import os

from odyssey.sync.iterators import EventStream, FrameReader
from odyssey.sync.mirror import Mirror
from odyssey.sync.stream import VideoRecorder
from odyssey_anyio.api.preparation import PREPARE_TIMEOUT
from odyssey_anyio.client import Odyssey as AsyncOdyssey
from odyssey_anyio.events.event_stream import MAX_QUEUE
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.delivery import Policy
from odyssey_anyio.media.frame import VideoFrame


class PreparationCalls(Mirror[AsyncOdyssey]):
    """Preparing a connect."""

    def prepare(self, *, timeout: float = PREPARE_TIMEOUT, keep: float | None = None) -> None:
        """
        Fetches in advance what a later `connect` needs, and reserves nothing.

        That is the access token, the map of the regions, connections to the nearest one, and the libraries
        for media, which take half a second to load.
        Token and map serve every `connect` of this client as long as they hold, and are fetched again when
        they do not; unused connections are closed after 15 seconds.
        If no `connect` follows, nothing is lost.

        With `keep` all of it is kept fresh for so many seconds more, until a `connect` begins, the client
        leaves, or it prepares again: the token is renewed before it ends, the map is measured again every ten
        minutes, and two connections stay open by a small request each every ten seconds.
        What fails of that is not reported, and is tried again; while a session is there nothing is kept.

        `timeout` is in seconds too; each of the two is above 0 and at most a billion.
        Raises `OdysseyAuthError` for a bad key, `OdysseyTimeoutError` when the time is over, and
        `OdysseyConnectionError`; `connect` may be tried nevertheless, and gets by itself what is missing.

        ```python
        client = Odyssey()
        client.prepare(keep=600)  # while the page is shown
        ...
        client.connect()  # when the button is pressed
        ```
        """
        return self._portal.call(self._original.prepare, timeout=timeout, keep=keep)


class ReaderCalls(Mirror[AsyncOdyssey]):
    """The readers of a client, which go on beyond a session."""

    def events(self, size: int = MAX_QUEUE) -> EventStream:
        """
        Returns every event from now on, as an iterator that ends when the application leaves.

        Up to `size` may wait unread; then the oldest are dropped, and counted.

        Example:
            ```python
            for event in client.events():
                print(event)
            ```
        """
        return EventStream(self._portal, self._portal.do(self._original.events, size))

    def frames(self, policy: Policy | None = None) -> FrameReader[VideoFrame]:
        """
        Returns the frames from now on, the newest first unless `policy` says otherwise.

        Example:
            ```python
            for frame in client.frames(Bounded(64)):
                print(frame.data.mean())
            ```
        """
        return FrameReader[VideoFrame](self._portal, self._portal.do(self._original.frames, policy))

    @property
    def latest_frame(self) -> VideoFrame | None:
        """
        The newest frame since the last stream began; `None` before the first.

        Any thread may ask, and nothing is waited for; it stays when the stream has ended.
        """
        return self._original.latest_frame

    def record(self, path: str | os.PathLike[str]) -> VideoRecorder:
        """
        Returns a recorder for `with`, which writes what is received to the file `path`.

        The ending of the name says in which format: `.mp4`, `.webm` or `.mkv` (docs/how-to/record.md); a file
        that is there is replaced.
        The sound of a client that was made with `audio=True` is written as well.
        It goes on beyond streams and sessions, and may begin before there is any.
        Raises `OdysseyValueError` for another ending; what the block raises stands at `VideoRecorder`.

        Example:
            ```python
            with client.record("cat.mp4") as recorder, client.stream("A cat"):
                time.sleep(10)
            print(recorder.frames, recorder.seconds)
            ```
        """
        return VideoRecorder(self._portal, self._portal.do(self._original.record, path))

    def audio(self, policy: Policy | None = None) -> FrameReader[AudioFrame]:
        """
        Returns the sound from now on, in frames of mostly 20 ms.

        Two seconds of it wait unless `policy` says otherwise.
        There is none where the streamer offers none.
        Raises `OdysseyValueError` unless the client was made with `Odyssey(audio=True)`.

        Example:
            ```python
            for frame in client.audio():
                speaker.write(frame.data)
            ```
        """
        return FrameReader[AudioFrame](self._portal, self._portal.do(self._original.audio, policy))
