"""
A client in a network of its own: `python -m house.far_client BACKEND`.

The first line that it reads is a value of JSON with the `url` of the service, `recovering` if lost sessions
are replaced, and `relay_only` and `gather_timeout` of its `IcePolicy`.

It streams, and prints a line of JSON for whatever it sees.
Each further line is done: `address A` changes the address of its machine, `leave` ends it.
"""

import json
import sys
import time
from typing import Any

import anyio
import anyio.to_thread
from house.netns import set_link_address

from odyssey import (
    FramesStalled,
    IcePolicy,
    Newest,
    Odyssey,
    OdysseyError,
    QualityChanged,
    ReconnectPolicy,
    Restored,
)
from odyssey_anyio.local.video import marker


def show(what: str, **more: Any) -> None:
    """Prints what was seen."""
    sys.stdout.write(f"{json.dumps({'what': what, 'at': time.time(), **more})}\n")
    sys.stdout.flush()


async def main(wanted: dict[str, Any]) -> None:
    """Streams until it is asked to leave, or cannot go on."""
    policy = ReconnectPolicy() if wanted.get("recovering") else None
    ice = IcePolicy(**{name: wanted[name] for name in ("relay_only", "gather_timeout") if name in wanted})
    async with (
        Odyssey("ody_far", api_url=wanted["url"], reconnect=policy, ice=ice) as client,
        anyio.create_task_group() as group,
    ):
        group.start_soon(_obey, group.cancel_scope)
        try:
            show("connecting")
            await client.connect(
                on_status_change=lambda status, why: show("status", status=status.value, why=why)
            )
            group.start_soon(_events, client)
            await client.start_stream("A cat")
            show("started")
            limited = None
            async for frame in client.frames(Newest()):
                link = client.statistics().link
                if link is not None and link.limiting_factor is not limited:
                    limited = link.limiting_factor
                    show("limited", by=limited, link=str(link))
                assert frame.planes is not None
                seen = marker.read(frame.planes[0])
                if seen is None:
                    show("broken picture")
                else:
                    show("frame", number=seen.number, age=time.time() - seen.time_ms / 1000)
        except OdysseyError as error:
            show("error", code=error.code, text=str(error))
        show("over")
        group.cancel_scope.cancel()


async def _events(client: Odyssey) -> None:
    async for event in client.events():
        match event:
            case FramesStalled(reason=reason):
                show("stalled", reason=reason.value)
            case QualityChanged(limiting_factor=factor):
                show("quality", by=factor)
            case Restored(attempts=attempts, seconds=seconds):
                show("restored", attempts=attempts, seconds=seconds)
            case _:
                pass


async def _obey(scope: anyio.CancelScope) -> None:
    while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        match line.split():
            case ["address", address]:
                set_link_address(address)
                show("address")
            case _:
                break
    scope.cancel()


if __name__ == "__main__":
    anyio.run(main, json.loads(sys.stdin.readline()), backend=sys.argv[1])
