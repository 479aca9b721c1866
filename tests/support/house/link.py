"""
A link between two network namespaces, as bad as a test wants it.

Each namespace has a TUN interface (house/netns.py); what one sends is given to the other by a thread here,
late, twice, in another order or not at all, as netem would do, which not every kernel has.
What happens is drawn from a seed.
"""

import heapq
import os
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Self

from attrs import evolve, field, frozen

MAX_PACKET = 65_536

UDP, TCP = 17, 6
"""Numbers of protocols, as `protocol` returns them."""


@frozen
class Conditions:
    """What becomes of the packets, in either direction; times are in seconds, shares between 0 and 1."""

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    """The delay of each packet differs by up to so much, so that they overtake each other."""
    duplicated: float = 0.0
    reordered: float = 0.0
    """The share of packets that are not delayed."""
    rate: float | None = None
    """In bits a second; what would wait longer than `MAX_QUEUE_SECONDS` is lost."""
    away: bool = False
    lost: Callable[[bytes], bool] = field(default=lambda packet: False)
    """Tells of an IP packet whether it is lost for good."""


MAX_QUEUE_SECONDS = 0.5


def protocol(packet: bytes) -> int:
    """Returns the number of the protocol in an IP packet."""
    return packet[9] if packet[0] >> 4 == 4 else packet[6]


def ports(packet: bytes) -> frozenset[int]:
    """Returns the two ports of a packet of UDP or TCP in IPv4."""
    begin = (packet[0] & 15) * 4
    return frozenset(struct.unpack_from("!HH", packet, begin))


def flow(packet: bytes) -> tuple[int, frozenset[int]]:
    """Returns the protocol of an IPv4 packet and its two ports: what a NAT tells connections apart by."""
    return protocol(packet), ports(packet)


class _Direction:
    def __init__(self, target: int, chance: random.Random) -> None:
        self._target = target
        self._chance = chance
        self._waiting: list[tuple[float, int, bytes]] = []
        self._order = count()
        self._free_at = 0.0

    def take(self, packet: bytes, now: float, how: Conditions) -> None:
        """Takes a packet that was sent."""
        chance = self._chance.random
        if how.away or how.lost(packet) or chance() < how.loss:
            return
        at = now
        if how.rate is not None:
            self._free_at = max(now, self._free_at) + len(packet) * 8 / how.rate
            if self._free_at - now > MAX_QUEUE_SECONDS:
                self._free_at -= len(packet) * 8 / how.rate
                return
            at = self._free_at
        if chance() >= how.reordered:
            at += max(0.0, how.delay + how.jitter * (2 * chance() - 1))
        for _ in range(1 + (chance() < how.duplicated)):
            heapq.heappush(self._waiting, (at, next(self._order), packet))

    def give(self, now: float) -> float | None:
        """Gives what is due; returns how long the next packet takes."""
        while self._waiting and self._waiting[0][0] <= now:
            packet = heapq.heappop(self._waiting)[2]
            try:
                os.write(self._target, packet)
            except OSError:
                # The interface has another address, or is gone.
                continue
        return self._waiting[0][0] - now if self._waiting else None


class Link:
    """Joins two interfaces, given by their descriptors, while it is entered; `conditions` may change."""

    def __init__(self, one: int, other: int, seed: int = 1) -> None:
        self.conditions = Conditions()
        self._ends = (one, other)
        chance = random.Random(seed)
        self._directions = {one: _Direction(other, chance), other: _Direction(one, chance)}
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._work, name="link", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._stopped)
        self._thread.join()
        for descriptor in (*self._ends, self._stop):
            os.close(descriptor)

    def become(self, **conditions: object) -> None:
        """Changes the conditions, from good ones."""
        self.conditions = evolve(Conditions(), **conditions)

    def _work(self) -> None:
        wait: float | None = None
        while True:
            ready, _, _ = select.select([*self._ends, self._stop], [], [], wait)
            if self._stop in ready:
                return
            now = time.monotonic()
            for end in ready:
                self._directions[end].take(os.read(end, MAX_PACKET), now, self.conditions)
            waits = [direction.give(now) for direction in self._directions.values()]
            wait = min((each for each in waits if each is not None), default=None)


def receive_link(channel: socket.socket) -> int:
    """Returns the descriptor of an interface that `house.netns` sent."""
    _, descriptors, _, _ = socket.recv_fds(channel, 16, 1)
    if not descriptors:
        raise EOFError("no interface was made")
    return descriptors[0]
