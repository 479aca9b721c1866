"""The calls that control a stream."""

import warnings
from abc import abstractmethod

from odyssey_anyio.api import arguments
from odyssey_anyio.api.live_stream import LiveStream
from odyssey_anyio.api.rest import RestCalls
from odyssey_anyio.events.event_stream import EventPublisher
from odyssey_anyio.images import ImageInput
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.frame_reader import Frames
from odyssey_proto.model.credentials import StreamerCapabilities
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.seam.commands import EndStream
from odyssey_proto.seam.settings import Settings


class StreamCalls(RestCalls):
    """Starting, steering and ending a stream, one after another in a session."""

    _publisher: EventPublisher
    _frames: Frames[VideoFrame]
    _settings: Settings

    @property
    @abstractmethod
    def current_status(self) -> ConnectionStatus:
        """Where the connection stands."""

    @property
    @abstractmethod
    def capabilities(self) -> StreamerCapabilities | None:
        """What the session's streamer can do."""

    @abstractmethod
    def _check_reader(self) -> None:
        """Raises `OdysseyConnectionError` where events and frames cannot be read: in another loop."""

    async def start_stream(
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
            stream_id = await client.start_stream("A cat", portrait=False)
            applied = await client.interact("Pet the cat")
            await client.end_stream()
            ```
        """
        if image_path is not None:
            warnings.warn("image_path is deprecated: pass image", DeprecationWarning, stacklevel=2)
        picture = image if image is not None else image_path
        start = arguments.start(prompt, portrait, broadcast, bypass_prompt_expansion)
        if picture is not None:
            start = await arguments.pictured(
                start, picture, self.capabilities if self._controllable else None
            )
        stream_id: str = await self._do(start)
        return stream_id

    async def interact(self, prompt: str) -> str:
        """
        Steers the stream by `prompt`; returns it as the service applied it.

        Several calls at once each get the answer to their own prompt.
        Raises `OdysseyStreamError`; a prompt that is refused ends no stream.
        """
        applied: str = await self._do(arguments.interact(prompt))
        return applied

    async def end_stream(self) -> None:
        """Ends the stream; where none runs there is nothing to do. Raises `OdysseyStreamError`."""
        await self._do(EndStream())

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
        Returns a stream for `async with`: it is ended on every way out.

        `prompt`, `portrait`, `image`, `bypass_prompt_expansion` and `broadcast` are those of
        `start_stream`, and the block begins by raising what that raises.

        Example:
            ```python
            async with client.stream("A cat") as stream:
                print(await stream.interact("Pet the cat"))
            ```
        """
        self._check_reader()
        return LiveStream(
            self,
            self._publisher,
            self._frames,
            prompt,
            portrait,
            image,
            bypass_prompt_expansion=bypass_prompt_expansion,
            broadcast=broadcast,
            sound=self._settings.audio,
        )

    @property
    def _controllable(self) -> bool:
        """Whether there is a session, or one that was lost is replaced."""
        return self.current_status in (ConnectionStatus.CONNECTED, ConnectionStatus.RECONNECTING)
