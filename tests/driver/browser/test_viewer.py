"""Debian's chromium as a viewer of the local service: no code of ours, and libwebrtc for media."""

from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from house.chromium import Reports, showing
from house.server_thread import ServerThread

from odyssey_anyio.local.service import serve

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(120),
    pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"], scope="module"),
]


async def test_a_browser_views_the_local_service(fanout: ServerThread, reports: Reports) -> None:
    async with serve() as service:
        with showing(f"{fanout.url}/viewer?api={quote(service.url)}&key=ody_browser"):
            granted = await reports.next("granted")
            assert granted["session"]
            started = (await reports.next("started"))["message"]
            assert started["stream_id"]
            before = await reports.next("picture")
            assert (before["width"], before["height"]) == (1280, 704)
            acknowledged = (await reports.next("acknowledged"))["message"]
            assert "city at night" in acknowledged["prompt"].lower()
            after = await reports.next("picture")
            assert difference(before, after) > 2
            await reports.next("ended")
            await reports.next("done")
    assert [each for each in reports.seen if each["what"] == "socket closed" and each["code"] != 1000] == []


def difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Returns how far two reported pictures are apart, in levels of brightness, on the average."""
    first, second = (np.asarray(each["pixels"], dtype=float) for each in (one, other))
    return float(np.abs(first - second).mean())
