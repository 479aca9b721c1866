"""
UDP with a round trip and with loss: the media of the local service, for the whole process that serves.

aiortc gets its sockets from the event loop, so the loop is where they are made slower: what is sent leaves
half a round trip later, and what arrives is handed over half a round trip later.
Only what is sent is lost, and only media: a lost check of ICE would say nothing about a client.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from benchmarks.network.lost_datagrams import RTP_OR_RTCP

type Loses = Callable[[bytes], bool]
"""Tells whether a datagram is lost."""


def delay_datagrams(round_trip: float, loss: float = 0.0, loses: Loses | None = None, seed: int = 1) -> None:
    """
    Makes the datagrams of every loop of this process slow, by `round_trip` in seconds, and lossy.

    A share of `loss` is lost by chance, and what `loses` says.
    """
    chance = random.Random(seed)
    original = asyncio.BaseEventLoop.create_datagram_endpoint

    async def create(self: Any, factory: Any, *args: Any, **options: Any) -> Any:
        loop = self

        def delayed() -> Any:
            protocol = factory()
            received = protocol.datagram_received

            def receive(data: bytes, address: Any) -> None:
                loop.call_later(round_trip / 2, received, data, address)

            protocol.datagram_received = receive
            return protocol

        transport: Any
        transport, protocol = await original(self, delayed, *args, **options)
        send = transport.sendto

        def send_later(data: bytes, address: Any = None) -> None:
            if loss and data and data[0] in RTP_OR_RTCP and chance.random() < loss:
                return
            if loses is not None and loses(data):
                return
            loop.call_later(round_trip / 2, _unless_closed, transport, send, bytes(data), address)

        transport.sendto = send_later
        return transport, protocol

    setattr(asyncio.BaseEventLoop, original.__name__, create)


def _unless_closed(transport: Any, send: Any, data: bytes, address: Any) -> None:
    if not transport.is_closing():
        send(data, address)
