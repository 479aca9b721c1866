"""The library where there is no network: with nothing but loopback, and with nothing but IPv6."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from house.netns import FORBIDDEN, forbidden

HERE = Path(__file__)

NETWORKS = pytest.mark.parametrize("network", [[], ["--ipv6-only"]], ids=["loopback", "ipv6-only"])

SESSIONS = """
import sys, anyio
from odyssey import Odyssey
from odyssey_anyio.local.service import serve

async def session(host):
    async with serve(host=host) as service, Odyssey("ody_key", api_url=service.url) as client:
        await client.connect()
        async with client.stream("A cat") as stream:
            async for frame in stream.frames():
                print(service.url.rpartition(":")[0], frame.width, frame.height)
                break

for host in sys.argv[1:]:
    for backend in ("asyncio", "trio"):
        anyio.run(session, host or None, backend=backend)
"""


def alone(network: list[str], *program: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Runs a program in a network of its own, or skips the test where nobody may have one."""
    command = [sys.executable, "-m", "house.netns", *network, "-W", "error", *program]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=55, check=False)
    if done.returncode == FORBIDDEN:
        forbidden(done.stderr)
    return done


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    root = HERE.parents[3]
    monkeypatch.setenv("PYTHONPATH", f"{root}:{root / 'tests' / 'support'}")


@NETWORKS
def test_the_demo_runs(network: list[str], tmp_path: Path) -> None:
    done = alone(network, "-m", "odyssey", "demo", "--seconds", "0.5", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(done.stdout)
    assert (shown["clip"], shown["frames"] > 0) == (str(Path("odyssey-demo") / "clip.mp4"), True)
    assert (tmp_path / "odyssey-demo" / "clip.mp4").stat().st_size > 0


@NETWORKS
def test_sessions_see_frames_on_every_loop(network: list[str], tmp_path: Path) -> None:
    done = alone(network, "-c", SESSIONS, "", "::1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    usual = "http://[::1]" if network else "http://127.0.0.1"
    assert done.stdout.splitlines() == [f"{each} 704 1280" for each in (usual, usual, *["http://[::1]"] * 2)]


@NETWORKS
def test_a_host_that_is_unknown_is_an_error_of_ours(network: list[str], tmp_path: Path) -> None:
    program = """
import anyio
from odyssey import Odyssey, OdysseyConnectionError

async def main():
    for url in ("https://nowhere.invalid", "http://127.0.0.1:9", "http://[2001:db8::1]"):
        try:
            async with Odyssey("ody_key", api_url=url) as client:
                await client.list_simulations()
        except OdysseyConnectionError as error:
            print(error.retryable)

anyio.run(main)
"""
    done = alone(network, "-c", program, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n" * 3, "")


@NETWORKS
def test_a_trace_is_played(network: list[str], tmp_path: Path) -> None:
    program = """
import anyio
from odyssey import Odyssey
from odyssey_anyio.local.replay import serve_trace
from odyssey_anyio.local.service import serve

async def session(url):
    async with Odyssey("ody_key", api_url=url) as client:
        await client.connect()
        await client.start_stream("A cat")
        await client.end_stream()
    return client.trace.redacted()

async def main():
    async with serve() as service:
        trace = await session(service.url)
    async with serve_trace(trace, fast=True) as service:
        await session(service.url)
    print("played")

anyio.run(main)
"""
    done = alone(network, "-c", program, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "played\n", "")
