"""The link goes away under a session, and comes back: a namespace whose loopback interface goes down."""

import os
import subprocess
import sys

import pytest
from house.netns import FORBIDDEN, forbidden

PROGRAM = """
import sys

import anyio
from house.netns import set_loopback

from odyssey import Odyssey, Reconnecting, ReconnectPolicy, Restored, Timeouts
from odyssey_anyio.local.service import serve


async def main():
    patience = Timeouts(silence=2)
    async with (
        serve() as service,
        Odyssey("ody_test", api_url=service.url, reconnect=ReconnectPolicy(), timeouts=patience) as client,
        client.events() as events,
    ):
        await client.connect()
        async with client.stream("A cat") as stream:
            frames = stream.frames()
            await anext(frames)
            set_loopback(up=False)
            while not isinstance(event := await anext(events), Reconnecting):
                pass
            print("attempt", event.attempt)
            while not isinstance(event := await anext(events), Reconnecting):
                pass
            print("attempt", event.attempt)
            set_loopback(up=True)
            while not isinstance(event := await anext(events), Restored):
                pass
            print("restored")
            await anext(frames)
            print(stream.stream_id == event.stream_id)


anyio.run(main, backend=sys.argv[1])
"""


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_picture_comes_again_when_the_link_is_back(backend: str) -> None:
    command = [sys.executable, "-m", "house.netns", "-W", "error", "-c", PROGRAM, backend]
    path = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=110
    )
    if done.returncode == FORBIDDEN:
        forbidden(done.stderr)
    assert done.returncode == 0, done.stderr
    # Which of the two connections is missed first depends on what is sent when.
    assert done.stdout.splitlines() == ["attempt 1", "attempt 2", "restored", "True"]
