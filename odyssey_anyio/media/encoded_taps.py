"""Who gets the frames of a video as they were received, beside its decoder."""

import threading
from collections.abc import Callable
from typing import Protocol

from odyssey_anyio.media.encoded_picture import EncodedPicture
from odyssey_anyio.media.packet_buffer import ReceivedFrame


class EncodedTap(Protocol):
    """Takes encoded frames; called in the media loop, so it must not block."""

    def put(self, codec: str, picture: EncodedPicture | None, frame: ReceivedFrame) -> bool:
        """
        Takes a frame, and what is known of its picture: `None` for one that must not be decoded.

        Returns whether a keyframe is to be asked for.
        """
        ...


type EncodedSource = Callable[[EncodedTap], Callable[[], None]]
"""Gives the frames of one peer to a tap from now on, and returns what ends that."""


class EncodedReader(Protocol):
    """Reads the encoded frames of one peer after another."""

    def attach(self, source: EncodedSource) -> None:
        """Reads from a new peer, and no more from the one before."""
        ...

    def close(self) -> None:
        """Takes no more frames."""
        ...


class EncodedTaps:
    """The taps of one video; any thread may add and remove them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taps: dict[EncodedTap, int] = {}

    def __repr__(self) -> str:
        return f"<EncodedTaps {len(self._taps)}>"

    def add(self, tap: EncodedTap, first: int) -> Callable[[], None]:
        """Gives a tap the frames from this number on; returns what ends that."""
        with self._lock:
            self._taps = {**self._taps, tap: first}
        return lambda: self._remove(tap)

    def _remove(self, tap: EncodedTap) -> None:
        with self._lock:
            self._taps = {each: first for each, first in self._taps.items() if each is not tap}

    def put(self, codec: str, picture: EncodedPicture | None, frame: ReceivedFrame) -> bool:
        """Hands a frame to every tap; returns whether one of them wants a keyframe."""
        # Never changed, only replaced, so it is read without the lock.
        wants = [tap.put(codec, picture, frame) for tap, first in self._taps.items() if frame.number >= first]
        return any(wants)
