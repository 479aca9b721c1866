"""The programs of the how-to pages run as they stand, only shorter, against the local service."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from odyssey_anyio.local.service import LocalService, serve

pytestmark = pytest.mark.anyio

PAGES = Path(__file__).parents[3] / "docs" / "how-to"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
LENGTHS = re.compile(r"(sleep\(|seconds=)\d+(?=[,)])")


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[LocalService]:
    async with serve() as service:
        monkeypatch.setenv("ODYSSEY_API_URL", service.url)
        monkeypatch.setenv("ODYSSEY_API_KEY", "ody_test")
        monkeypatch.chdir(tmp_path)
        yield service


def programs(page: str) -> list[dict[str, Any]]:
    """Returns what the programs of a page define, with their lengths of time made short."""
    found = []
    for block in BLOCK.findall((PAGES / page).read_text()):
        names: dict[str, Any] = {"__name__": page}
        exec(compile(LENGTHS.sub(r"\g<1>0.3", block).replace("{4: ", "{0.2: "), page, "exec"), names)
        found.append(names)
    return found


async def run(program: dict[str, Any]) -> None:
    """Runs a program in a thread and a loop of its own, as it runs at home."""
    await anyio.to_thread.run_sync(asyncio.run, program["main"]())


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_clips(service: LocalService, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, batch, story = programs("clips.md")
    await run(one)
    assert (await anyio.Path(tmp_path / "cat.mp4").stat()).st_size > 1000
    await run(batch)
    assert [made["type"] for made in json.loads(capsys.readouterr().out)] == ["Recording"] * 4
    await run(story)
    assert capsys.readouterr().out.count("Recording(stream_id=") == 3


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_the_latest_frame(
    service: LocalService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control, fresh = programs("latest-frame.md")
    await run(control)
    await run(fresh)
    assert len(capsys.readouterr().out.splitlines()) >= 1
    before, after = [await anyio.Path(tmp_path / f"{name}.png").read_bytes() for name in ("before", "after")]
    assert before != after


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_results_as_json(service: LocalService, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = programs("json.md")
    await run(program)
    *clips, statistics = json.loads(capsys.readouterr().out)
    assert [clip["type"] for clip in clips] == ["Recording"] * 2
    assert statistics["status"] == "connected"
