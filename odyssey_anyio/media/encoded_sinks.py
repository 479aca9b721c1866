"""Who gets the frames of a video as they were received, beside its decoder."""

import threading
from collections.abc import Callable
from typing import Protocol

from odyssey_anyio.media.encoded_picture import EncodedPicture
from odyssey_anyio.media.packet_buffer import ReceivedFrame


class EncodedSink(Protocol):
    """Takes encoded frames; called in the media loop, so it must not block."""

    def put(self, codec: str, picture: EncodedPicture | None, frame: ReceivedFrame) -> bool:
        """
        Takes a frame, and what is known of its picture: `None` for one that must not be decoded.

        Returns whether a keyframe is to be asked for.
        """
        ...


class PictureSink(EncodedSink, Protocol):
    """Takes encoded pictures."""

    @property
    def sound(self) -> EncodedSink | None:
        """What takes the sound of the same peer."""
        ...


type EncodedSource = Callable[[PictureSink], Callable[[], None]]
"""Gives the frames of one peer to a sink from now on, and returns what ends that."""


class EncodedReader(Protocol):
    """Reads the encoded frames of one peer after another."""

    def attach(self, source: EncodedSource) -> None:
        """Reads from a new peer, and no more from the one before."""
        ...

    def close(self) -> None:
        """Takes no more frames."""
        ...


class EncodedSinks:
    """The sinks of one video; any thread may add and remove them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sinks: dict[EncodedSink, int] = {}

    def __repr__(self) -> str:
        return f"<EncodedSinks {len(self._sinks)}>"

    def add(self, sink: EncodedSink, first: int) -> Callable[[], None]:
        """Gives a sink the frames from this number on; returns what ends that."""
        with self._lock:
            self._sinks = {**self._sinks, sink: first}
        return lambda: self._remove(sink)

    def _remove(self, sink: EncodedSink) -> None:
        with self._lock:
            self._sinks = {each: first for each, first in self._sinks.items() if each is not sink}

    def put(self, codec: str, picture: EncodedPicture | None, frame: ReceivedFrame) -> bool:
        """Hands a frame to every sink; returns whether one of them wants a keyframe."""
        # Never changed, only replaced, so it is read without the lock.
        wants = [
            sink.put(codec, picture, frame) for sink, first in self._sinks.items() if frame.number >= first
        ]
        return any(wants)
