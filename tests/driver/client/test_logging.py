"""What a program sees of our log, in a process of its own: nothing below its level, and all with `debug`."""

import subprocess
import sys

import anyio
import pytest

from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio

KEY = "ody_canary-key-1234"

PROGRAM = """
import logging, sys, anyio
from odyssey import Odyssey
level, debug, url, loop, key = sys.argv[1:]
if level:
    logging.basicConfig(level=level)
async def main():
    async with Odyssey(key, api_url=url, debug=debug == "debug") as client:
        await client.connect()
        async with client.stream("A cat") as live:
            async for _ in live.frames():
                break
anyio.run(main, backend=loop)
"""


async def written(level: str, debug: str, loop: str) -> str:
    """Returns what a program that watches a stream writes to standard error."""
    async with serve(ServiceConfig(keys=(KEY,))) as service:
        command = [sys.executable, "-c", PROGRAM, level, debug, service.url, loop, KEY]
        done = await anyio.run_process(command, stderr=subprocess.PIPE)
    return done.stderr.decode()


@pytest.mark.parametrize("level", ["", "INFO"])
async def test_nothing_below_the_level_of_the_program_is_written(level: str, anyio_backend_name: str) -> None:
    assert await written(level, "", anyio_backend_name) == ""


async def test_debug_shows_a_transcript_by_itself(anyio_backend_name: str) -> None:
    lines = (await written("", "debug", anyio_backend_name)).splitlines()
    assert all(" odyssey." in line for line in lines)
    text = "\n".join(lines)
    assert "Connect (call 1) → " in text
    assert "POST http://" in text
    assert "StreamStarted(" in text
    assert KEY not in text
    assert "Bearer" not in text


async def test_debug_keeps_to_the_level_of_the_program(anyio_backend_name: str) -> None:
    assert await written("INFO", "debug", anyio_backend_name) == ""
