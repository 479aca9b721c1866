"""
Whether anything comes from the other side, and whether our own address is still there.

aiortc asks for consent to send (RFC 7675) every five seconds and gives up after thirty without an answer; in
between it says nothing, and an address of ours that is gone it never finds out.
So what arrives is counted, and when nothing has for `PROBE_SECONDS` the other side is asked whether it is
there, anew at each check: every ICE agent answers a check (RFC 8445 section 7.3), and where a NAT has
forgotten us the question itself makes a new mapping, which the other side takes for a new path.
An answer is reported at once, so that a peer is known to be there as soon as a link is back: soon after a new
connection works it is given up (`GRACE_TIME` of odyssey_proto/client/live/path_check.py).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from odyssey_anyio.media.ice_internals import ask_peer, own_hosts
from odyssey_anyio.media.loopback import has_address

CHECK_SECONDS = 0.25
"""How often the packets are counted."""

PROBE_SECONDS = 1.0
"""After so long without a packet the other side is asked; a question takes 1.5 s at most."""

SILENCE_SECONDS = 2.5
"""After so long without a packet or an answer it counts as silent; an outage of two seconds is none."""


class AddressGoneError(Exception):
    """This machine does not have the address any more by which the connection was made."""


async def watch(pc: Any, report: Callable[[bool], None]) -> None:
    """
    Watches a connection for good: `report` is called with whether the other side is silent, on each change.

    Raises `AddressGoneError` as soon as a silence may be explained by that.
    """
    seen = -1
    quiet = 0.0
    silent = False
    answered = asyncio.Event()
    asking: set[asyncio.Task[None]] = set()

    async def ask() -> None:
        if await ask_peer(pc):
            answered.set()

    try:
        while True:
            count = await _received(pc)
            if count != seen or answered.is_set():
                seen, quiet = count, 0.0
                if silent:
                    silent = False
                    report(False)
            elif pc.connectionState == "connected":
                # In steps of ours, so that a machine that slept does not take its own sleep for a silence.
                quiet += CHECK_SECONDS
            answered.clear()
            for task in [each for each in asking if each.done()]:
                asking.remove(task)
                task.result()
            if quiet >= PROBE_SECONDS:
                if not all(map(has_address, own_hosts(pc))):
                    raise AddressGoneError
                asking.add(asyncio.get_running_loop().create_task(ask()))
            if quiet >= SILENCE_SECONDS and not silent:
                silent = True
                report(True)
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await answered.wait()
    finally:
        for task in asking:
            task.cancel()


async def _received(pc: Any) -> int:
    """Returns how many packets have come so far."""
    count = 0
    for transceiver in pc.getTransceivers()[:1]:
        stats = await transceiver.receiver.getStats()
        count += sum(each.packetsReceived for each in stats.values() if each.type == "transport")
    return count
