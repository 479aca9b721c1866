"""The calls about streams, recordings and clips; docs/mirror.py generates it from the async API."""

from collections.abc import Mapping

from odyssey.sync.handles import StreamRecording
from odyssey.sync.iterators import Pages
from odyssey.sync.mirror import Mirror
from odyssey.sync.stream import LiveStream
from odyssey_anyio.api.recordings import RECORDING_TIMEOUT
from odyssey_anyio.client import Odyssey as AsyncOdyssey
from odyssey_anyio.images import ImageInput
from odyssey_proto.messages.recordings import MAX_PAGE_ITEMS
from odyssey_proto.model.recordings import Recording, StreamRecordingInfo, StreamRecordingsList


class StreamCalls(Mirror[AsyncOdyssey]):
    """Starting, steering and ending a stream, one after another in a session."""

    def start_stream(
        self,
        prompt: str = "",
        portrait: bool | None = True,
        image: ImageInput | None = None,
        image_path: str | None = None,
        bypass_prompt_expansion: bool | None = None,
        broadcast: bool = False,
    ) -> str:
        """
        Starts a stream and returns its id.

        `prompt` is what to show; it may be empty where there is an image.
        With `portrait` the picture is 704 x 1280 pixels, without it 1280 x 704.
        With `bypass_prompt_expansion` the prompt is taken as it is written.
        With `broadcast` others may watch: `BroadcastReady` says how.
        `image` is anything that `ImageInput` names, at most 25 MB; it is made to the size of the stream.
        `image_path` is deprecated: use `image`.
        Raises `OdysseyStreamError`, which is an `OdysseyUsageError` as well if a limit was reached.

        Example:
            ```python
            stream_id = client.start_stream("A cat", portrait=False)
            applied = client.interact("Pet the cat")
            client.end_stream()
            ```
        """
        return self._portal.call(
            self._original.start_stream,
            prompt,
            portrait,
            image,
            image_path,
            bypass_prompt_expansion,
            broadcast,
        )

    def interact(self, prompt: str) -> str:
        """
        Steers the stream by `prompt`; returns it as the service applied it.

        Several calls at once each get the answer to their own prompt.
        Raises `OdysseyStreamError`; a prompt that is refused ends no stream.
        """
        return self._portal.call(self._original.interact, prompt)

    def end_stream(self) -> None:
        """Ends the stream; where none runs there is nothing to do. Raises `OdysseyStreamError`."""
        return self._portal.call(self._original.end_stream)

    def stream(
        self,
        prompt: str = "",
        portrait: bool | None = True,
        image: ImageInput | None = None,
        *,
        bypass_prompt_expansion: bool | None = None,
        broadcast: bool = False,
    ) -> LiveStream:
        """
        Returns a stream for `with`: it is ended on every way out.

        `prompt`, `portrait`, `image`, `bypass_prompt_expansion` and `broadcast` are those of
        `start_stream`, and the block begins by raising what that raises.

        Example:
            ```python
            with client.stream("A cat") as stream:
                print(stream.interact("Pet the cat"))
            ```
        """
        return LiveStream(
            self._portal,
            self._portal.do(
                self._original.stream,
                prompt,
                portrait,
                image,
                bypass_prompt_expansion=bypass_prompt_expansion,
                broadcast=broadcast,
            ),
        )


class RecordingCalls(Mirror[AsyncOdyssey]):
    """The calls about recordings."""

    def get_recording(self, stream_id: str) -> Recording:
        """
        Returns where the files of the stream `stream_id` are; the addresses are good for about an hour.

        Raises `OdysseyRequestError` if there is no such recording, otherwise `OdysseyError`.
        """
        return self._portal.call(self._original.get_recording, stream_id)

    def list_stream_recordings(
        self, limit: int | None = None, offset: int | None = None
    ) -> StreamRecordingsList:
        """
        Returns one page of the account's recordings, the most recent first.

        `limit` is the most on a page, `offset` how many are left out before it.
        Raises `OdysseyError`; `OdysseyValueError`, before anything is sent, for numbers that make no sense.
        """
        return self._portal.call(self._original.list_stream_recordings, limit, offset)

    def recording(self, stream_id: str) -> StreamRecording:
        """
        Returns a handle on the recording of the stream `stream_id`; nothing is sent.

        Example:
            ```python
            path = client.recording(stream_id).download("cat.mp4")
            ```
        """
        return StreamRecording(self._portal, self._portal.do(self._original.recording, stream_id))

    def recordings(self, page: int = MAX_PAGE_ITEMS) -> Pages[StreamRecordingInfo]:
        """
        Returns all the account's recordings, the most recent first, `page` at a time.

        Example:
            ```python
            for line in client.recordings():
                print(line.stream_id, line.duration_seconds)
            ```
        """
        return Pages[StreamRecordingInfo](self._portal, self._portal.do(self._original.recordings, page))


class ClipCalls(StreamCalls, RecordingCalls):
    """Making clips."""

    def clip(
        self,
        prompt: str,
        seconds: float,
        *,
        image: ImageInput | None = None,
        portrait: bool | None = True,
        prompts: Mapping[float, str] | None = None,
        bypass_prompt_expansion: bool | None = None,
        timeout: float | None = RECORDING_TIMEOUT,
    ) -> Recording:
        """
        Starts a stream, holds it for some seconds, ends it, and returns its recording when that is ready.

        A client that is not connected connects for it, and gives the session back as soon as the stream
        has ended.
        The stream is ended on every way out.

        `prompt` starts the stream, and `seconds` is how long it is held, at most `Limits.stream`.
        `prompts` steer it: each by its time, in seconds from the start.
        `image`, `portrait` and `bypass_prompt_expansion` are those of `start_stream`.
        `timeout` is for how many seconds at most the recording is waited for when the stream has ended;
        every step before has its own deadline in `Timeouts`.

        Raises what `connect`, `start_stream`, `interact` and `StreamRecording.wait` raise, and
        `OdysseyStreamError` (code `clip.cut_short`) if the stream ends before its time, or if a
        `ReconnectPolicy` starts it again in another session: what was recorded until then can still be
        had by the stream's id, which the error names.
        A clip that cannot be is refused by `OdysseyValueError` or `OdysseyStreamValueError`, before
        anything is sent.

        Example:
            ```python
            with Odyssey() as client:
                made = client.clip("A cat", seconds=10, prompts={4: "It yawns"}, portrait=False)
                client.recording(made.stream_id).download("cat.mp4")
            ```
        """
        return self._portal.call(
            self._original.clip,
            prompt,
            seconds,
            image=image,
            portrait=portrait,
            prompts=prompts,
            bypass_prompt_expansion=bypass_prompt_expansion,
            timeout=timeout,
        )
