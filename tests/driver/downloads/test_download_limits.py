"""How downloads end that would take too long, bring too much, or nothing: on short deadlines."""

import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from house.file_server import FileServer
from house.folders import there

import odyssey
from odyssey import DownloadProgress, Odyssey, RecordingFile
from odyssey_proto.client.jobs import transfer
from odyssey_proto.kernel.machine import millis

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", autouse=True)
def short() -> Iterator[None]:
    """Makes all limits small, for as long as recordings of this module are replayed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "SILENCE", millis(1000))
        patch.setattr(transfer, "REPORT_INTERVAL", millis(100))
        patch.setitem(transfer.MAX_FILE_BYTES, RecordingFile.EVENTS, 10_000)
        yield


async def test_a_body_that_is_coded_or_too_large_is_refused(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    assert len(depot.body) > transfer.MAX_FILE_BYTES[RecordingFile.EVENTS]
    depot.extra = {"Content-Encoding": "br"}
    with pytest.raises(odyssey.OdysseyConnectionError) as caught:
        await client.recording("s-1").download(tmp_path / "it")
    assert caught.value.code == "download.malformed"
    depot.extra = {}
    for depot.length in (True, False):
        with pytest.raises(odyssey.OdysseyConnectionError) as caught:
            await client.recording("s-1").read("events")
        assert caught.value.code == "download.too_large"


async def test_patience_ends(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    depot.cuts, depot.stall = [700], True
    with pytest.raises(odyssey.OdysseyTimeoutError) as caught:
        await client.recording("s-1").download(tmp_path / "it", timeout=0.3)
    assert caught.value.code == "timeout.transfer"


async def test_silence_is_a_break(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    depot.cuts, depot.stall = [700], True
    await client.recording("s-1").download(tmp_path / "it")
    assert await there(tmp_path) == {"it": depot.body}
    assert (depot.stall, len(depot.received) > 1) == (False, True)


async def test_the_deadline_holds_while_the_callback_runs_and_the_server_is_silent(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    depot.body = bytes(3_000_000)
    depot.cuts, depot.stall = [1_500_000], True
    calls: list[int] = []

    async def slow(seen: DownloadProgress) -> None:
        calls.append(seen.received)
        await anyio.sleep(60)

    begun = time.monotonic()
    with pytest.raises(odyssey.OdysseyTimeoutError) as caught:
        await client.recording("s-1").download(tmp_path / "it", timeout=0.5, on_progress=slow)
    assert caught.value.code == "timeout.transfer"
    assert time.monotonic() - begun < 20
    assert len(calls) == 1
    kept = (await there(tmp_path))["it.part"]
    assert 2**20 <= len(kept) <= 1_500_000


async def test_a_callback_that_ends_late_does_not_hide_the_deadline(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    depot.body = bytes(3_000_000)
    depot.cuts, depot.stall = [1_500_000], True

    async def slow(_: DownloadProgress) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.4)

    with pytest.raises(odyssey.OdysseyTimeoutError) as caught:
        await client.recording("s-1").download(tmp_path / "it", timeout=0.2, on_progress=slow)
    assert caught.value.code == "timeout.transfer"


async def test_the_deadline_holds_while_a_body_has_no_end(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    depot.endless = True
    begun = time.monotonic()
    with pytest.raises(odyssey.OdysseyTimeoutError) as caught:
        await client.recording("s-1").download(tmp_path / "it", timeout=0.5)
    assert caught.value.code == "timeout.transfer"
    assert time.monotonic() - begun < 20
