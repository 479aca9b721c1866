"""What limits the video of a peer, from the packets that came in the last seconds."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, frozen

from odyssey_anyio.media.link_figures import QUEUE_MS, LinkFigures
from odyssey_anyio.media.missing_packets import MissingPackets
from odyssey_anyio.media.packet_buffer import distance_of

WINDOW_SECONDS = 2.0
"""What is judged: longer ago does not count."""

BASELINE_SECONDS = 30.0
"""After so long a shorter way that was possible is forgotten."""
LINE_SECONDS = 300.0
"""While packets stand in line it is remembered for so long: the line would be taken for the way itself."""

REORDERING_SECONDS = 0.03
"""A packet that is missing for longer was lost, and sent again if it comes at all."""

MAX_MISSING_PACKETS = 1000
MAX_WINDOW_PACKETS = 4096

QUEUE_SECONDS = 0.5
"""A line is one in which every packet of so long stands."""
MIN_QUEUE_PACKETS = 10

EVEN_MS, EVEN_SECONDS = 10, 5
"""Ways that are longer, differ by no more than that, and lose nothing, are a longer route, not a line."""

FOLLOW_SECONDS = 0.25
"""How often it is looked for a line, which may be short where the sender adapts."""

REDUCED_SHARE = 0.8
"""Who sends less than so much of what came before the line has adapted to it."""
ADAPTING_SECONDS = 5.0
"""So long after a line less is said to be because of it; later it may as well be a calmer scene."""

REPORT_SECONDS = 0.5
"""A report that comes so long after a packet shows that the streamer lives and sends none."""

SEND_TIME_PERIOD = 64.0
"""After so many seconds the time of sending begins anew: 24 bits, 18 of them behind the point."""


@frozen
class _Packet:
    at: float
    way: float
    bits: int


@define
class _Rate:
    """How much came before packets stood in line or were lost, in kbit/s."""

    usual: float = 0.0
    before: float | None = None
    congested_at: float = 0.0

    def follow(self, now: float, kbits: float, *, congested: bool) -> None:
        """Takes how much comes."""
        if congested:
            self.before, self.congested_at = self.usual if self.before is None else self.before, now
            return
        self.usual = kbits
        if now >= self.congested_at + ADAPTING_SECONDS:
            self.before = None

    def reduced(self, now: float, kbits: float) -> bool:
        """Returns whether so much is less than came before, and that has a reason of late."""
        lately = now < self.congested_at + ADAPTING_SECONDS
        return self.before is not None and lately and kbits < REDUCED_SHARE * self.before


class LinkMeter:
    """Takes every packet of a video in the loop, and is read from any thread; `clock` has seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._packets: deque[_Packet] = deque(maxlen=MAX_WINDOW_PACKETS)
        self._lost: deque[float] = deque(maxlen=MAX_WINDOW_PACKETS)
        self._frames: deque[float] = deque(maxlen=MAX_WINDOW_PACKETS)
        self._undecoded: deque[float] = deque(maxlen=MAX_WINDOW_PACKETS)
        self._unread: deque[float] = deque(maxlen=MAX_WINDOW_PACKETS)
        self._missing: dict[int, float] = {}
        self._source: int | None = None
        self._highest = 0
        self._timestamp: int | None = None
        self._shortest: float | None = None
        self._forget_at = 0.0
        self._in_line = False
        self._way = 0.0
        self._reported_at = 0.0
        self._followed_at = 0.0
        self._uneven_at = 0.0
        self._rate = _Rate()

    def __repr__(self) -> str:
        return f"<LinkMeter {self.figures()}>"

    def take(self, packet: Any) -> None:
        """Takes a packet that came."""
        now = self._clock()
        with self._lock:
            self._count(packet, now)
            way = self._way_of(now, packet.extensions.abs_send_time)
            self._packets.append(_Packet(now, way, 8 * len(packet.payload)))
            while self._packets[0].at < now - WINDOW_SECONDS:
                self._packets.popleft()
            if self._shortest is None or way < self._shortest or now >= self._forget_at:
                # Routes and clocks change: what was the shortest once need not be possible any more.
                self._forget(now)
            if now >= self._followed_at + FOLLOW_SECONDS:
                self._followed_at = now
                self._follow(now)
            if packet.timestamp != self._timestamp:
                self._timestamp = packet.timestamp
                self._frames.append(now)

    def undecoded(self) -> None:
        """A frame came that is not decoded."""
        with self._lock:
            self._undecoded.append(self._clock())

    def unread(self) -> None:
        """A frame was replaced by a newer one before it was read."""
        with self._lock:
            self._unread.append(self._clock())

    def reported(self) -> None:
        """A report of the sender came."""
        with self._lock:
            self._reported_at = self._clock()

    def figures(self) -> LinkFigures:
        """Returns how packets have come lately."""
        with self._lock:
            return self._figures(self._clock())

    def _figures(self, now: float) -> LinkFigures:
        self._give_up(now)
        packets = self._recent(now)
        last = self._packets[-1].at if self._packets else now
        reports = self._reported_at >= last + REPORT_SECONDS
        if not packets:
            return LinkFigures(silence=now - last, reports=reports)
        ways = sorted(packet.way for packet in packets)
        since = now - WINDOW_SECONDS
        lost, frames, undecoded, unread = (
            _count_since(since, times) for times in (self._lost, self._frames, self._undecoded, self._unread)
        )
        in_line = [packet.way for packet in packets if packet.at >= last - QUEUE_SECONDS]
        if len(in_line) < MIN_QUEUE_PACKETS:
            in_line = [packet.way for packet in packets[-MIN_QUEUE_PACKETS:]]
        kbits = sum(packet.bits for packet in packets) / WINDOW_SECONDS / 1000
        return LinkFigures(
            queue_ms=round(1000 * (min(in_line) - (self._shortest or 0.0)), 1),
            jitter_ms=round(1000 * (ways[len(ways) * 3 // 4] - ways[0]), 1),
            loss=round(lost / (lost + len(ways)), 3),
            undecoded=round(min(1.0, undecoded / max(frames, 1)), 3),
            silence=round(now - last, 3),
            unread=round(min(1.0, unread / max(frames, 1)), 3),
            kbits=round(kbits, 1),
            reduced=self._rate.reduced(now, kbits),
            reports=reports,
            frame_rate=frames / WINDOW_SECONDS,
        )

    def _recent(self, now: float) -> list[_Packet]:
        return [packet for packet in self._packets if packet.at >= now - WINDOW_SECONDS]

    def _forget(self, now: float) -> None:
        self._shortest = min(packet.way for packet in self._recent(now))
        self._forget_at = now + BASELINE_SECONDS

    def _follow(self, now: float) -> None:
        """Looks now and then how it has gone on."""
        figures = self._figures(now)
        ways = [packet.way for packet in self._recent(now)]
        even = not figures.loss and 1000 * (max(ways) - min(ways)) <= EVEN_MS
        self._uneven_at = self._uneven_at if even else now
        if now >= self._uneven_at + EVEN_SECONDS and figures.queue_ms > EVEN_MS:
            self._forget(now)
        else:
            self._rate.follow(now, figures.kbits, congested=figures.congested)
        before, self._in_line = self._in_line, figures.queue_ms >= QUEUE_MS
        if not self._in_line:
            self._forget_at = min(self._forget_at, now + BASELINE_SECONDS)
        elif not before:
            self._forget_at = now + LINE_SECONDS

    def _way_of(self, now: float, sent: int | None) -> float:
        """Returns how long a packet was on its way, by two clocks that agree on nothing but their pace."""
        if sent is None:
            return self._way
        way = now - sent / 2**18
        # By the period that is nearest to the packet before.
        self._way = way + SEND_TIME_PERIOD * round((self._way - way) / SEND_TIME_PERIOD)
        return self._way

    def _count(self, packet: Any, now: float) -> None:
        ahead = distance_of(packet.sequence_number, self._highest)
        if packet.ssrc != self._source:
            # Another sender has another clock, and rate.
            self._packets.clear()
            self._shortest, self._rate = None, _Rate()
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


def _count_since(since: float, times: deque[float]) -> int:
    """Returns how many times are no earlier than that; the first that are earlier are forgotten."""
    while times and times[0] < since:
        times.popleft()
    return sum(at >= since for at in times)


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
