"""A clip in one call: a stream that is started, held, steered and ended, and its recording."""

from abc import abstractmethod
from collections.abc import Mapping

import anyio

from odyssey_anyio.api.arguments import encoded_image, interact, period, portrait_or_default, start
from odyssey_anyio.api.live_stream import LiveStream
from odyssey_anyio.api.recordings import RECORDING_TIMEOUT, RecordingCalls
from odyssey_anyio.api.streams import StreamCalls
from odyssey_anyio.errors.mapping import Calling, error_of, refused
from odyssey_anyio.images import ImageInput
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.model.recordings import Recording
from odyssey_proto.seam.settings import Settings


class ClipCalls(StreamCalls, RecordingCalls):
    """Making clips."""

    _settings: Settings

    @abstractmethod
    async def connect(self) -> None:
        """Opens a session."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Gives the session back."""

    async def clip(
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
            async with Odyssey() as client:
                made = await client.clip("A cat", seconds=10, prompts={4: "It yawns"}, portrait=False)
                await client.recording(made.stream_id).download("cat.mp4")
            ```
        """
        upright = portrait_or_default(portrait)
        steps = self._checked(prompt, seconds, prompts or {}, upright, bypass_prompt_expansion)
        within = None if timeout is None else period(timeout, "timeout") / 1_000_000
        # Before a session is reserved: a picture that cannot be sent is refused for nothing.
        picture = None if image is None else await encoded_image(image, Calling.STREAM, portrait=upright)
        connects = self.current_status in (ConnectionStatus.DISCONNECTED, ConnectionStatus.FAILED)
        try:
            if connects:
                await self.connect()
            bypass = bypass_prompt_expansion
            async with self.stream(prompt, upright, picture, bypass_prompt_expansion=bypass) as stream:
                await _hold(stream, seconds, steps)
        finally:
            if connects:
                await self.disconnect()
        return await self.recording(stream.stream_id).wait(within)

    def _checked(
        self,
        prompt: str,
        seconds: float,
        prompts: Mapping[float, str],
        portrait: bool,
        bypass_prompt_expansion: bool | None,
    ) -> list[tuple[float, str]]:
        """Returns the steps of a clip in the order of time, if it can be made."""
        if not self._settings.api_key:
            text = "an API key is needed for the recording: pass api_key or set ODYSSEY_API_KEY"
            raise error_of(Failure(FailureKind.AUTH_REFUSED, text, code="auth.no_key"), Calling.REST)
        period(seconds, "seconds")
        longest = self._settings.limits.stream
        if longest is not None and seconds > longest:
            text = f"a clip of {seconds:g} s is longer than Limits.stream, which is {longest:g} s"
            raise refused(text, Calling.REST, "clip.too_long")
        start(prompt, portrait, False, bypass_prompt_expansion)
        for at, step in prompts.items():
            period(at, "the time of a prompt")
            interact(step)
            if at > seconds:
                raise refused(f"a prompt at {at:g} s comes after the end of the clip", Calling.REST)
        return sorted(prompts.items())


async def _hold(stream: LiveStream, seconds: float, steps: list[tuple[float, str]]) -> None:
    """Steers a stream until its time is over, and ends it."""
    began, stream_id = anyio.current_time(), stream.stream_id
    for at, prompt in [*steps, (seconds, None)]:
        await _until(stream, began + at)
        if stream.over or stream.stream_id != stream_id:
            held = anyio.current_time() - began
            text = f"the stream {stream_id} ended after {held:.1f} of {seconds:g} s"
            failure = Failure(FailureKind.STREAM_ENDED, text, code="clip.cut_short")
            raise error_of(failure, Calling.STREAM)
        if prompt is not None:
            await stream.interact(prompt)
    await stream.end()


async def _until(stream: LiveStream, moment: float) -> None:
    """Waits for a moment, or for the end of the stream, which raises if it failed."""
    with anyio.CancelScope(deadline=moment):
        await stream.ended()
