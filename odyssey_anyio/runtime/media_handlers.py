"""The handlers of pictures and sounds of one client, from a connect to its end."""

from attrs import frozen

from odyssey_anyio.events.dispatcher import Callbacks
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.delivery import AUDIO_POLICY, Newest
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.frame_reader import Frames
from odyssey_anyio.runtime.frame_handler import FrameHandler


@frozen
class Media:
    """What the readers of a client read."""

    video: Frames[VideoFrame]
    audio: Frames[AudioFrame]

    def close(self) -> None:
        """Nothing more will come."""
        self.video.close()
        self.audio.close()


class MediaHandlers:
    """Calls `on_video_frame` and `on_audio_frame`, each by its policy."""

    def __init__(self, callbacks: Callbacks, media: Media) -> None:
        self._video = FrameHandler(callbacks, media.video, "on_video_frame", "frame_policy")
        self._audio = FrameHandler(callbacks, media.audio, "on_audio_frame", "audio_policy")

    def __repr__(self) -> str:
        return f"<MediaHandlers {self._video} {self._audio}>"

    def adopt(self, handlers: ConnectHandlers) -> "list[FrameHandler[VideoFrame] | FrameHandler[AudioFrame]]":
        """Takes the handlers of a connect; returns those that have to be run for it."""
        begun: list[FrameHandler[VideoFrame] | FrameHandler[AudioFrame]] = []
        if handlers.on_video_frame is not None and self._video.read(handlers.frame_policy or Newest()):
            begun.append(self._video)
        if handlers.on_audio_frame is not None and self._audio.read(handlers.audio_policy or AUDIO_POLICY):
            begun.append(self._audio)
        return begun

    def end(self) -> None:
        """The client leaves: no more frames come, and handlers still get those that wait."""
        self._video.end()
        self._audio.end()

    async def ended(self) -> None:
        """Waits until no handler runs, and none will."""
        await self._video.ended()
        await self._audio.ended()
