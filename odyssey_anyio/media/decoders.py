"""
The threads that decode, for all videos of a process: few, so that they do not stand in each other's way.

They start with the first video and end with the last.
The frames of one video are decoded one after another, in turn with those of the others.
"""

import logging
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from queue import SimpleQueue
from typing import Any

import anyio

logger: logging.Logger = logging.getLogger("odyssey.media")

MAX_THREADS = 8

POLL_SECONDS = 0.001
"""How often the end of a thread is looked for; it takes no longer than decoding a frame."""

CLOCK_RATE = 90_000
"""The clock of video in RTP, in ticks a second (RFC 3551 section 5)."""

CLOCK = Fraction(1, CLOCK_RATE)
"""A tick of it, in seconds."""

_DECODERS = {"VP8": "vp8", "H264": "h264"}
"""FFmpeg's own; its VP8 takes a fifth to a third less of the processor than libvpx, for the same pictures."""

type Step = Callable[[], bool]
"""Decodes one frame; returns whether more wait."""


class DecoderThreads:
    """At most so many threads, one for each video until there are more videos."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.forget()

    def __repr__(self) -> str:
        return f"<DecoderThreads {len(self._threads)} of {self._size}, {self._users} videos>"

    def forget(self) -> None:
        """Begins anew: a forked child has none of its parent's threads."""
        self._lock = threading.Lock()
        self._users = 0
        self._threads: list[threading.Thread] = []
        self._steps: SimpleQueue[Step | None] = SimpleQueue()

    @asynccontextmanager
    async def used(self) -> AsyncIterator[None]:
        """Has threads for one more video; `RuntimeError` if there can be none."""
        with self._lock:
            if len(self._threads) < min(self._users + 1, self._size):
                self._start()
            self._users += 1
        try:
            yield
        finally:
            for thread in self._leave():
                while thread.is_alive():
                    await anyio.sleep(POLL_SECONDS)

    def _leave(self) -> list[threading.Thread]:
        """Returns the threads that end, because this was the last video."""
        with self._lock:
            self._users -= 1
            if self._users:
                return []
            for _ in self._threads:
                self._steps.put(None)
            ended, self._threads = self._threads, []
            # Whoever comes next has threads and a queue of its own.
            self._steps = SimpleQueue()
            return ended

    def submit(self, step: Step) -> None:
        """Lets a thread call this until it returns `False`, in turn with others; it must not raise."""
        self._steps.put(step)

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, args=(self._steps,), name="odyssey decoder", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            if not self._threads:
                raise
            logger.warning("one thread less decodes: no more can be started")
        else:
            self._threads.append(thread)

    def _work(self, steps: "SimpleQueue[Step | None]") -> None:
        # Given, and not looked up: when this begins, `_leave` may already have made the next queue.
        while (step := steps.get()) is not None:
            if step():
                steps.put(step)


def usable_processors() -> int:
    """Returns how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


decoders: DecoderThreads = DecoderThreads(min(usable_processors(), MAX_THREADS))
"""Those of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=decoders.forget)


class Decoder:
    """Decodes one video, in whatever coding each frame is in; for one thread at a time."""

    def __init__(self) -> None:
        self._name = ""
        self._context: Any = None

    def __repr__(self) -> str:
        return f"<Decoder {self._name}>"

    @property
    def size(self) -> tuple[int, int]:
        """The width and the height of the pictures until now; nothing before the first."""
        return (0, 0) if self._context is None else (self._context.width, self._context.height)

    def decode(self, codec: str, data: bytes, timestamp: int) -> list[Any]:
        """
        Returns the pictures that are whole with a frame, as PyAV has them.

        Raises whatever PyAV does, and `KeyError` for a coding that is not known.
        """
        import av

        if codec != self._name:
            self._context = context = av.CodecContext.create(_DECODERS[codec.upper()], "r")
            # More threads for one video bring nothing at its size, and there may be many videos.
            context.thread_count = 1
            self._name = codec
        packet = av.Packet(data)
        packet.pts, packet.time_base = timestamp, CLOCK
        pictures: list[Any] = self._context.decode(packet)
        return pictures
