"""
`python -m benchmarks.network.serve WORLD`: a local service behind a network, in a process of its own.

`WORLD` is a `World` in JSON.
It prints one line of JSON, `{"url": …, "certificate": …}`, and serves until its input ends.
"""

import asyncio
import json
import ssl
import sys
import tempfile
from pathlib import Path
from typing import Any

import aiortc  # noqa: F401  loaded before anybody is served, so that the first client waits no longer

from benchmarks.network.canned import CannedReplies
from benchmarks.network.clip import play_clip
from benchmarks.network.delayed_datagrams import delay_datagrams
from benchmarks.network.delayed_tcp import DelayedTcp, listening
from benchmarks.network.lost_datagrams import Bursts
from odyssey_anyio.local.service import serve
from odyssey_proto.model.address import Region
from odyssey_proto.service.io.config import ServiceConfig

SLOW_ROUND_TRIPS = 4
"""How many times as far away the slow region is as the near one; at least `SLOW_SECONDS`."""

SLOW_SECONDS = 0.1

BURST_SECONDS = 5.0
"""From one burst of lost packets to the next."""


async def main(world: dict[str, Any]) -> None:
    """Serves until standard input ends."""
    if world["canned"]:
        _announce(f"http://127.0.0.1:{await listening(CannedReplies)}", "")
        await asyncio.to_thread(sys.stdin.read)
        return
    round_trip = world["round_trip"] / 1000
    if round_trip or world["loss"] or world["burst"]:
        bursts = Bursts(world["burst"], BURST_SECONDS).loses if world["burst"] else None
        delay_datagrams(round_trip, world["loss"], bursts)
    with tempfile.TemporaryDirectory() as folder:
        certificate, tls = _certificate(Path(folder)) if world["tls"] else ("", None)
        scheme = "http" if tls is None else "https"
        # Behind the network, from the outside in: the delay, TLS, the service itself.
        inner = DelayedTcp(0, 0.0)
        ending = await listening(inner.accept, tls)
        api = await listening(DelayedTcp(ending, round_trip).accept)
        # The region has a host of its own, where its ping is answered and its sessions are signaled.
        near = await listening(DelayedTcp(ending, round_trip).accept)
        slow = await listening(DelayedTcp(ending, max(round_trip * SLOW_ROUND_TRIPS, SLOW_SECONDS)).accept)
        dead = await listening(asyncio.Protocol)
        regions = {"far": slow, "near": near, "dead": dead} if world["regions"] else {}
        if world["clip"]:
            play_clip(world["clip"])
        config = ServiceConfig(
            capacity=200,
            signaling_url=f"{scheme}://127.0.0.1:{near}",
            regions=[
                Region(name, f"{scheme}://127.0.0.1:{port}/ping")  # type: ignore[misc]  # a converter's type
                for name, port in regions.items()
            ],
            **world["settings"],
        )
        async with serve(config) as service:
            inner.port = service.port
            _announce(f"{scheme}://127.0.0.1:{api}", certificate)
            await asyncio.to_thread(sys.stdin.read)


def _announce(url: str, certificate: str) -> None:
    print(json.dumps({"url": url, "certificate": certificate}), flush=True)


def _certificate(folder: Path) -> tuple[str, ssl.SSLContext]:
    """Returns the file of an authority that a client has to trust, and what serves with its certificate."""
    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path), context


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
