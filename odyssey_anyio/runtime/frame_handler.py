"""The frames of `on_video_frame` or `on_audio_frame`, and what its policy costs a handler that is slow."""

import logging

from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.events.dispatcher import Callbacks
from odyssey_anyio.media.delivery import Lossless, Policy, depth_of
from odyssey_anyio.media.frame_reader import FrameReader, Frames

logger: logging.Logger = logging.getLogger("odyssey.callbacks")

MISSED = ("replaced", "overflow")
"""Why a frame is dropped because its handler was busy, in the words of an account."""

ROOM_FOR_SAVERS = 64
"""How many waiting frames are suggested to who misses some: two seconds of video, 90 MB at 1280 x 704."""


class FrameHandler[F]:
    """
    Calls the handler of this name with each frame that its policy keeps: a slow one holds up nothing else.

    The first frame that a handler misses is one line in the log, which names the policy.
    """

    def __init__(self, callbacks: Callbacks, frames: Frames[F], name: str, policy_name: str) -> None:
        self._callbacks = callbacks
        self._frames = frames
        self._name = name
        self._policy_name = policy_name
        self._reader: FrameReader[F] | None = None
        self._changed = Wakeup()

    def __repr__(self) -> str:
        return f"<FrameHandler {self._reader or 'not running'}>"

    def read(self, policy: Policy) -> bool:
        """Reads by a policy from now on; returns whether `run` has to be started for that."""
        before = self._reader
        if before is not None and before.policy == policy:
            return False
        self._reader = self._frames.read(policy)
        if before is not None:
            before.close()
        return before is None

    async def run(self) -> None:
        """Shows frames until the client leaves."""
        try:
            while (reader := self._reader) is not None:
                await self._show(reader)
                if self._reader is reader:
                    self._reader = None
        finally:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            self._changed.set()

    def end(self) -> None:
        """The client leaves: no more frames come, and the handler still gets those that wait."""
        if self._reader is not None:
            self._reader.end()

    async def ended(self) -> None:
        """Waits until no handler runs, and none will."""
        await self._changed.until(lambda: self._reader is None)

    async def _show(self, reader: FrameReader[F]) -> None:
        logged = False
        try:
            async for frame in reader:
                logged = logged or self._log_missed(reader)
                await self._callbacks.call(getattr(self._callbacks.handlers, self._name), frame)
        except OdysseyError as error:
            logger.warning(
                "%s gets no more frames, by the policy %s: %s; %s=Bounded(%d) drops the oldest instead",
                self._name,
                reader.policy,
                error,
                self._policy_name,
                depth_of(reader.policy),
            )
            await self._callbacks.call(self._callbacks.handlers.on_error, error, False)

    def _log_missed(self, reader: FrameReader[F]) -> bool:
        """Logs that a handler misses frames, if it does; returns whether that was logged."""
        dropped = reader.account.dropped
        if isinstance(reader.policy, Lossless) or not any(dropped.get(reason) for reason in MISSED):
            return False
        depth = depth_of(reader.policy)
        # To show only the newest is what a screen needs; to have room for more and miss some is a loss.
        logger.log(
            logging.WARNING if depth > 1 else logging.INFO,
            "%s is slower than the %s and misses frames, by the policy %s;"
            " %s=Bounded(%d) lets more of them wait",
            self._name,
            self._name.split("_")[1],
            reader.policy,
            self._policy_name,
            max(ROOM_FOR_SAVERS, 2 * depth),
        )
        return True
