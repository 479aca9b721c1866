"""What limits the video of a peer, from the packets that came in the last seconds."""

import threading
from collections import deque
from collections.abc import Callable
from enum import StrEnum, unique
from typing import Any

from attrs import frozen

from odyssey_anyio.media.missing_packets import MissingPackets
from odyssey_proto.kernel.introspection import Value

WINDOW_SECONDS = 2.0
"""What is judged: longer ago does not count."""

BASELINE_SECONDS = 30.0
"""After so long a shorter way that was possible is forgotten."""

REORDERING_SECONDS = 0.03
"""A packet that is missing for longer was lost, and sent again if it comes at all."""

MAX_MISSING_PACKETS = 1000
MAX_WINDOW_PACKETS = 4096

QUEUE_MS, JITTER_MS = 60, 60
LOSS_SHARE, UNDECODED_SHARE = 0.02, 0.1
SILENCE_SECONDS = 1.0

SEND_TIME_PERIOD = 64.0
"""After so many seconds the time of sending begins anew: 24 bits, 18 of them behind the point."""


@unique
class LimitingFactor(StrEnum):
    """What keeps a video from being better than it is."""

    BANDWIDTH = "bandwidth"
    """Packets stand in line on their way: the network carries less than is sent."""
    LOSS = "loss"
    """Packets are lost, though none stands in line."""
    JITTER = "jitter"
    """Packets take very different times."""
    STREAMER = "streamer"
    """No packets come, or too few."""
    DECODER = "decoder"
    """What comes whole is not decoded: this machine is too slow for it."""


@frozen
class LinkFigures(Value):
    """How the packets of a video came in the last two seconds."""

    queue_ms: float = 0.0
    """How long each packet stood in line at least: the shortest way now, less that of half a minute."""
    jitter_ms: float = 0.0
    """By how much the ways of packets differed: three of four are within this."""
    loss: float = 0.0
    """The share of packets that were lost at first, from 0 to 1."""
    undecoded: float = 0.0
    """The share of frames that came and were not decoded, from 0 to 1."""
    silence: float = 0.0
    """For how long nothing has come, in seconds."""

    @property
    def limiting_factor(self) -> LimitingFactor | None:
        """What limits the video; `None` if nothing does."""
        if self.silence >= SILENCE_SECONDS:
            return LimitingFactor.STREAMER
        # A full line loses packets and delays them, so it explains both.
        if self.queue_ms >= QUEUE_MS:
            return LimitingFactor.BANDWIDTH
        # Packets that overtake each other look lost for a while.
        if self.jitter_ms >= JITTER_MS:
            return LimitingFactor.JITTER
        if self.loss >= LOSS_SHARE:
            return LimitingFactor.LOSS
        return LimitingFactor.DECODER if self.undecoded >= UNDECODED_SHARE else None


class LinkMeter:
    """Takes every packet of a video in the loop, and is read from any thread; `clock` has seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._ways: deque[tuple[float, float]] = deque(maxlen=MAX_WINDOW_PACKETS)
        self._lost: deque[float] = deque(maxlen=MAX_WINDOW_PACKETS)
        self._frames: deque[float] = deque(maxlen=MAX_WINDOW_PACKETS)
        self._undecoded: deque[float] = deque(maxlen=MAX_WINDOW_PACKETS)
        self._missing: dict[int, float] = {}
        self._source: int | None = None
        self._highest = 0
        self._timestamp: int | None = None
        self._shortest: float | None = None
        self._forget_at = 0.0
        self._way = 0.0

    def __repr__(self) -> str:
        return f"<LinkMeter {self.figures()}>"

    def take(self, packet: Any) -> None:
        """Takes a packet that came."""
        now = self._clock()
        with self._lock:
            self._count(packet, now)
            way = self._way_of(now, packet.extensions.abs_send_time)
            self._ways.append((now, way))
            if self._shortest is None or way < self._shortest or now >= self._forget_at:
                # Routes and clocks change: what was the shortest once need not be possible any more.
                recent = [each for at, each in self._ways if at >= now - WINDOW_SECONDS]
                self._shortest, self._forget_at = min(recent), now + BASELINE_SECONDS
            if packet.timestamp != self._timestamp:
                self._timestamp = packet.timestamp
                self._frames.append(now)

    def undecoded(self) -> None:
        """A frame came that is not decoded."""
        with self._lock:
            self._undecoded.append(self._clock())

    def figures(self) -> LinkFigures:
        """Returns how packets have come lately."""
        now = self._clock()
        with self._lock:
            self._give_up(now)
            since = now - WINDOW_SECONDS
            ways = sorted(way for at, way in self._ways if at >= since)
            lost, frames, undecoded = (
                sum(at >= since for at in times) for times in (self._lost, self._frames, self._undecoded)
            )
            last = self._ways[-1][0] if self._ways else now
            shortest = self._shortest or 0.0
        if not ways:
            return LinkFigures(silence=now - last)
        return LinkFigures(
            round(1000 * (ways[0] - shortest), 1),
            round(1000 * (ways[len(ways) * 3 // 4] - ways[0]), 1),
            round(lost / (lost + len(ways)), 3),
            round(min(1.0, undecoded / max(frames, 1)), 3),
            round(now - last, 3),
        )

    def _way_of(self, now: float, sent: int | None) -> float:
        """Returns how long a packet was on its way, by two clocks that agree on nothing but their pace."""
        if sent is None:
            return self._way
        way = now - sent / 2**18
        # By the period that is nearest to the packet before.
        self._way = way + SEND_TIME_PERIOD * round((self._way - way) / SEND_TIME_PERIOD)
        return self._way

    def _count(self, packet: Any, now: float) -> None:
        ahead = (packet.sequence_number - self._highest + 0x8000) % 0x10000 - 0x8000
        if packet.ssrc != self._source or abs(ahead) > MAX_MISSING_PACKETS:
            self._source, self._highest = packet.ssrc, packet.sequence_number
            self._missing.clear()
        elif ahead > 0:
            self._missing |= dict.fromkeys(range(self._highest + 1, self._highest + ahead), now)
            self._highest += ahead
        else:
            since = self._missing.pop(self._highest + ahead, None)
            if since is not None and now - since > REORDERING_SECONDS:
                self._lost.append(since)

    def _give_up(self, now: float) -> None:
        """Counts as lost what has been missing for too long."""
        for number, since in list(self._missing.items()):
            if now - since > REORDERING_SECONDS:
                del self._missing[number]
                self._lost.append(since)


class MeteredPackets:
    """Stands where a receiver has its NACK generator, and hands each packet to a meter on its way there."""

    def __init__(self, meter: LinkMeter, packets: MissingPackets) -> None:
        self._meter = meter
        self._packets = packets

    def __repr__(self) -> str:
        return repr(self._packets)

    @property
    def missing(self) -> list[int]:
        """The numbers to ask for now."""
        return self._packets.missing

    def add(self, packet: Any) -> bool:
        """Takes a packet; returns whether some are to be asked for now."""
        self._meter.take(packet)
        return self._packets.add(packet)
