"""How the frames of a peer, pictures or sounds, are handed over: a policy, and an account that adds up."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Self

import anyio
import anyio.lowlevel
from attrs import field, frozen

from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.errors.classes import OdysseyStreamError
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.encoded_sinks import EncodedSink, EncodedSinks
from odyssey_anyio.media.frame import VideoFrame
from odyssey_anyio.media.link_meter import LinkMeter
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.introspection import Value
from odyssey_proto.model.validators import whole
from odyssey_trio_compat import CallSoon

_positive = whole(1)


@frozen
class Newest(Value):
    """Only the newest frame is kept: a slow reader never sees an old picture."""


@frozen
class EveryNth(Value):
    """Of every `n` frames the first is handed over; of those only the newest is kept."""

    n: int = field(validator=_positive)
    """1 or more."""


@frozen
class Bounded(Value):
    """Up to `size` frames wait; then the oldest goes."""

    size: int = field(validator=_positive)
    """1 or more; a frame of 1280 x 704 that waits takes 1.4 MB."""


@frozen
class Lossless(Value):
    """Every frame is handed over; when `size` wait and one more comes, reading fails."""

    size: int = field(validator=_positive)
    """1 or more; a frame of 1280 x 704 that waits takes 1.4 MB."""


type Policy = Newest | EveryNth | Bounded | Lossless
"""Which frames a reader is given that is slower than the video."""


AUDIO_POLICY: Policy = Bounded(100)
"""What holds for sound unless another is given: two seconds wait; with less, a short pause leaves a gap."""


def depth_of(policy: Policy) -> int:
    """Returns how many frames may wait under a policy."""
    match policy:
        case Newest() | EveryNth():
            return 1
        case Bounded(size) | Lossless(size):
            return size


def _read_only(counts: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType(dict(counts))


@frozen
class FrameAccount(Value):
    """
    What became of the frames that arrived, at one moment.

    `received` is the sum of `delivered`, `pending` and all of `dropped`.
    """

    received: int
    """Frames that arrived while a reader was there."""
    delivered: int
    """Frames that were handed over."""
    pending: int
    """Frames that wait."""
    dropped: Mapping[str, int] = field(converter=_read_only)
    """
    By reason: `replaced` by a newer one, `skipped` by policy, `overflow`, `closed`; and of those that were
    not decoded `undecoded`, because they came faster than that or could not be, and `too_large`.
    """

    def __reduce__(self) -> tuple[type[Self], tuple[int, int, int, dict[str, int]]]:
        """A view that only reads cannot be copied or pickled; what it shows can."""
        return type(self), (self.received, self.delivered, self.pending, dict(self.dropped))


class FrameStream[F]:
    """
    The frames of one track from now on, as an async iterator; tasks that share it share the frames.

    It ends when the peer is gone and everything that waited was read, or when it is closed.
    `offer`, `drop` and `end` are called from the media thread, the rest in the reader's loop.
    Frames with a number below `first` are not its own.
    """

    def __init__(self, policy: Policy, call_soon: CallSoon, first: int = 0) -> None:
        self.policy = policy
        self._first = first
        self._call_soon = call_soon
        self._lock = threading.Lock()
        self._waiting: deque[F] = deque()
        self._received = 0
        self._delivered = 0
        self._dropped: Counter[str] = Counter()
        self._ended = False
        self._failed = False
        self._changed = Wakeup()

    def __repr__(self) -> str:
        return f"<FrameStream {self.policy} {len(self._waiting)} waiting{', ended' if self._ended else ''}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> F:
        await anyio.lowlevel.checkpoint()
        while True:
            with self._lock:
                if self._waiting:
                    self._delivered += 1
                    return self._waiting.popleft()
                if self._failed:
                    raise OdysseyStreamError(_LOST.text, _LOST)
                if self._ended:
                    raise StopAsyncIteration
                # Under the lock, so that no frame comes in between.
                changed = self._changed.next
            await changed.wait()

    @property
    def newest(self) -> F | None:
        """The newest frame that waits, which goes on waiting; any thread may ask."""
        with self._lock:
            return self._waiting[-1] if self._waiting else None

    @property
    def ended(self) -> bool:
        """Whether no more frames are taken."""
        return self._ended

    @property
    def account(self) -> FrameAccount:
        """What became of the frames so far."""
        with self._lock:
            return FrameAccount(self._received, self._delivered, len(self._waiting), self._dropped)

    def close(self) -> None:
        """Ends the iteration; what waits is dropped."""
        with self._lock:
            self._dropped["closed"] += len(self._waiting)
            self._waiting.clear()
        self.end()

    def offer(self, frame: F, number: int) -> bool:
        """Takes a frame that arrived; returns whether none was dropped for it that a reader wanted."""
        with self._lock:
            before = self._late
            if self._count(number):
                self._take(frame)
            # Where nothing was ever read, the newest is kept in case somebody asks.
            in_time = self._late == before or not self._delivered
        self._wake()
        return in_time

    @property
    def _late(self) -> int:
        return self._dropped["replaced"] + self._dropped["overflow"]

    def drop(self, number: int, reason: str) -> None:
        """Counts a frame that arrived and is not decoded; who wants every frame has failed with that."""
        with self._lock:
            if self._count(number):
                self._dropped[reason] += 1
                self._failed = isinstance(self.policy, Lossless) and reason != "closed"
        self._wake()

    def end(self) -> None:
        """No more frames will come."""
        with self._lock:
            self._ended = True
        self._wake()

    def _count(self, number: int) -> bool:
        """Counts a frame as received; returns `False` for one that is not."""
        own = number >= self._first and not self._ended and not self._failed
        self._received += own
        return own

    def _take(self, frame: F) -> None:
        match self.policy:
            case Newest():
                self._keep(frame, 1, "replaced")
            case EveryNth(n):
                if (self._received - 1) % n:
                    self._dropped["skipped"] += 1
                else:
                    self._keep(frame, 1, "replaced")
            case Bounded(size):
                self._keep(frame, size, "overflow")
            case Lossless(size):
                if len(self._waiting) >= size:
                    self._dropped["overflow"] += 1
                    self._failed = True
                else:
                    self._waiting.append(frame)

    def _keep(self, frame: F, size: int, reason: str) -> None:
        if len(self._waiting) >= size:
            self._waiting.popleft()
            self._dropped[reason] += 1
        self._waiting.append(frame)

    def _wake(self) -> None:
        with self._lock:
            awaited = self._changed.awaited
        if awaited:
            self._call_soon(self._changed.set)


_LOST = Failure(FailureKind.STREAM_REFUSED, "frames came faster than they were read", code="frames.overflow")


class FrameFanout[F]:
    """
    The frames of one track, for any number of streams.

    Frames are numbered in the order in which they begin to arrive.
    A stream has those that begin after it was opened: the one that is on its way then shows what was before.
    `replaced` is called when a frame was not taken in time by somebody who reads.
    """

    def __init__(self, replaced: Callable[[], None] = lambda: None) -> None:
        self._replaced = replaced
        self._lock = threading.Lock()
        self._streams: list[FrameStream[F]] = []
        self._ended = False
        self._begun = 0
        self.received: int = 0
        self.sinks: EncodedSinks = EncodedSinks()
        """Who gets the frames before they are decoded."""

    @property
    def depth(self) -> int:
        """How many frames the most patient reader lets wait; 0 without readers."""
        return max((depth_of(stream.policy) for stream in self._open()), default=0)

    def open(self, policy: Policy, call_soon: CallSoon) -> FrameStream[F]:
        """Returns a stream of the frames from now on."""
        with self._lock:
            stream = FrameStream[F](policy, call_soon, self._begun + 1)
            self._streams.append(stream)
            ended = self._ended
        if ended:
            stream.end()
        return stream

    def feed(self, sink: EncodedSink) -> Callable[[], None]:
        """Gives a sink the encoded frames from now on; returns what ends that."""
        with self._lock:
            return self.sinks.add(sink, self._begun + 1)

    def begin(self) -> int:
        """One more frame begins to arrive; returns its number."""
        with self._lock:
            self._begun += 1
            return self._begun

    def offer(self, frame: F, number: int | None = None) -> None:
        """Takes a frame that arrived; without a number it has come in one piece."""
        number = self.begin() if number is None else number
        self.received += 1
        in_time = [stream.offer(frame, number) for stream in self._open()]
        if not all(in_time):
            self._replaced()

    def drop(self, number: int, reason: str) -> None:
        """A frame arrived and is not decoded."""
        for stream in self._open():
            stream.drop(number, reason)

    def _open(self) -> list[FrameStream[F]]:
        with self._lock:
            self._streams = [stream for stream in self._streams if not stream.ended]
            return list(self._streams)

    def end(self) -> None:
        """No more frames will come."""
        with self._lock:
            self._ended = True
            streams, self._streams = self._streams, []
        for stream in streams:
            stream.end()


class PeerFrames:
    """What one peer receives: pictures and sounds."""

    def __init__(self) -> None:
        self.link: LinkMeter = LinkMeter(time.monotonic)
        self.video: FrameFanout[VideoFrame] = FrameFanout(self.link.unread)
        self.audio: FrameFanout[AudioFrame] = FrameFanout()

    def end(self) -> None:
        """Nothing more will come."""
        self.video.end()
        self.audio.end()
