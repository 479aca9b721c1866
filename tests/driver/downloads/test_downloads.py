"""Files of recordings, loaded from a server that shares nothing with ours, on good days and bad ones."""

import errno
from pathlib import Path
from typing import Any

import anyio
import pytest
from house.file_server import SECRET, FileServer
from house.folders import there
from house.server_thread import ServerThread, server_thread

import odyssey
from odyssey import DownloadProgress, Odyssey, RecordingFile
from odyssey_anyio.net.http import HttpPool

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("file", RecordingFile)
async def test_each_file_is_loaded(
    client: Odyssey, depot: FileServer, tmp_path: Path, file: RecordingFile
) -> None:
    target = tmp_path / "it"
    assert await client.recording("s.1").download(target, file) == target
    assert await there(tmp_path) == {"it": depot.body}
    (request,) = depot.received
    assert "authorization" not in request
    assert (request["accept-encoding"], request.get("range")) == ("identity", None)


async def test_progress_is_reported(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    depot.body = bytes(3_000_000)
    reported: list[DownloadProgress] = []

    async def progress(seen: DownloadProgress) -> None:
        await anyio.lowlevel.checkpoint()
        reported.append(seen)

    await client.recording("s-1").download(str(tmp_path / "it"), on_progress=progress)
    received = [seen.received for seen in reported]
    assert received == sorted(received)
    assert len(received) >= 3
    assert reported[-1] == DownloadProgress(3_000_000, 3_000_000)
    assert reported[-1].fraction == 1.0
    assert (DownloadProgress(5, None).fraction, DownloadProgress(0, 0).fraction) == (None, 1.0)


async def test_an_empty_file_and_one_of_unknown_length(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    depot.length = False
    await client.recording("s-1").download(tmp_path / "long")
    depot.body = b""
    await client.recording("s-1").download(tmp_path / "empty")
    assert [len(data) for _, data in sorted((await there(tmp_path)).items())] == [0, 10_240]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://files.example/v.mp4",
        "ws://files.example/v.mp4",
        f"https://user:{SECRET}@files.example/v.mp4",
        "https:///v.mp4",
        "/v.mp4",
        "",
        "https://files.example/\r\nx: y",
        "https://files.example/" + "x" * 20_000,
    ],
)
async def test_an_address_that_is_none_is_refused(
    client: Odyssey, depot: FileServer, tmp_path: Path, url: str
) -> None:
    depot.urls["video_url"] = url
    with pytest.raises(odyssey.OdysseyConnectionError) as caught:
        await client.recording("s-1").download(tmp_path / "it")
    assert caught.value.code == "download.address"
    assert SECRET not in repr(caught.value) + caught.value.detail
    assert await there(tmp_path) == {}


async def test_a_file_that_is_not_there(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    depot.urls["thumbnail_url"] = None
    with pytest.raises(odyssey.OdysseyRequestError, match="has no thumbnail") as caught:
        await client.recording("s-1").download(tmp_path / "it", "thumbnail")
    assert caught.value.code == "download.missing"


async def test_a_redirect_is_followed_to_another_host(
    client: Odyssey, depot: FileServer, server: ServerThread, tmp_path: Path
) -> None:
    other = FileServer()
    other.body, other.signed = b"from elsewhere", False
    with server_thread(other.application, host="127.0.0.2") as elsewhere:
        depot.urls["video_url"] = f"{server.url}/moved?to={elsewhere.url}/files/video"
        await client.recording("s-1").download(tmp_path / "it")
    assert await there(tmp_path) == {"it": b"from elsewhere"}
    assert "authorization" not in other.received[0]


@pytest.mark.parametrize(
    ("to", "code"), [("file:///etc/passwd", "network.malformed"), ("/round", "network.malformed")]
)
async def test_a_redirect_that_leads_nowhere(
    client: Odyssey, depot: FileServer, server: ServerThread, tmp_path: Path, to: str, code: str
) -> None:
    depot.urls["video_url"] = f"{server.url}/moved?to={to}"
    with pytest.raises(odyssey.OdysseyError) as caught:
        await client.recording("s-1").download(tmp_path / "it")
    assert caught.value.code == code


async def test_small_files_are_read_into_memory(client: Odyssey, depot: FileServer) -> None:
    depot.cuts = [100]
    assert await client.recording("s-1").read("thumbnail") == depot.body
    with pytest.raises(odyssey.OdysseyValueError, match="too large for memory"):
        await client.recording("s-1").read("video")


async def test_events_are_values(client: Odyssey, depot: FileServer) -> None:
    depot.body = b'{"timestamp_ms": 1500, "interact": {"prompt": "Pet it"}}\n'
    (event,) = await client.recording("s-1").events()
    assert (event.at, event.kind, event.prompt) == (1.5, odyssey.RecordedKind.INTERACT, "Pet it")


async def test_what_has_come_is_kept_when_the_caller_is_cancelled(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    depot.body = bytes(range(256)) * 8192
    depot.cuts, depot.stall = [1_500_000], True
    with anyio.CancelScope() as scope:
        # The first of it is written; more may have come by now.
        await client.recording("s-1").download(tmp_path / "it", on_progress=lambda _: scope.cancel())
    assert scope.cancelled_caught
    kept = (await there(tmp_path))["it.part"]
    assert len(kept) >= 2**20
    assert depot.body.startswith(kept)


async def test_closing_the_client_ends_its_downloads(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    depot.cuts, depot.stall = [700], True
    errors = []

    async def download() -> None:
        with pytest.raises(odyssey.OdysseyConnectionError) as caught:
            await client.recording("s-1").download(tmp_path / "it")
        errors.append(caught.value.code)

    async with anyio.create_task_group() as group:
        group.start_soon(download)
        while not depot.sent:
            await anyio.sleep(0.01)
        await client.aclose()
    assert errors == ["closed_locally"]


async def test_disconnecting_does_not(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    depot.body = bytes(4_000_000)

    async def leave(_: DownloadProgress) -> None:
        await client.disconnect()

    await client.recording("s-1").download(tmp_path / "it", on_progress=leave)
    assert len((await there(tmp_path))["it"]) == 4_000_000


async def test_a_callback_that_raises_ends_the_download(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    def progress(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await client.recording("s-1").download(tmp_path / "it", on_progress=progress)


async def test_two_downloads_do_not_write_one_file(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    refused = []

    async def again(_: DownloadProgress) -> None:
        with pytest.raises(odyssey.OdysseyValueError) as caught:
            await client.recording("s-1").download(tmp_path / "it")
        refused.append(caught.value.code)

    await client.recording("s-1").download(tmp_path / "it", on_progress=again)
    assert refused == ["download.busy"]
    assert await there(tmp_path) == {"it": depot.body}


@pytest.mark.parametrize("path", ["", "a\0b", 7, None])
async def test_a_path_that_is_none_is_refused(client: Odyssey, depot: FileServer, path: Any) -> None:
    with pytest.raises(odyssey.OdysseyValueError):
        await client.recording("s-1").download(path)
    assert depot.located == 0


async def test_a_folder_that_is_not_there(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    with pytest.raises(odyssey.OdysseyFileError, match="No such file") as caught:
        await client.recording("s-1").download(tmp_path / "none" / "it")
    assert isinstance(caught.value, OSError)
    assert (caught.value.code, caught.value.errno) == ("download.unwritable", errno.ENOENT)
    assert depot.located == 0


@pytest.mark.parametrize(
    ("stream_id", "name"),
    [
        ("s-1", "s-1.mp4"),
        ("..x", None),
        ("-rf", None),
        ("~", "~.mp4"),
        ("x" * 400, None),
    ],
)
async def test_in_a_folder_the_name_is_safe(
    client: Odyssey, depot: FileServer, tmp_path: Path, stream_id: str, name: str | None
) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    loaded = [await client.recording(stream_id).download(folder, file) for file in RecordingFile]
    assert all(path.parent == folder for path in loaded)
    found = await there(folder)
    assert len(found) == len(RecordingFile), "each has a name of its own"
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert name is None or name in found
    assert not [each for each in found if each.startswith((".", "-"))]


@pytest.mark.parametrize("stream_id", ["../escaped", "/etc/passwd", "a\\b", "\u202egpj"])
async def test_a_server_whose_ids_are_no_names_is_not_believed(
    client: Odyssey, depot: FileServer, tmp_path: Path, stream_id: str
) -> None:
    with pytest.raises(odyssey.OdysseyConnectionError, match="malformed") as caught:
        await client.recording(stream_id).download(tmp_path)
    assert caught.value.code == "reply.malformed"
    assert await there(tmp_path) == {}


@pytest.mark.parametrize("wrong", [{"file": "sound"}, {"file": 7}, {"timeout": 0}, {"timeout": None}])
async def test_a_wish_that_is_none(
    client: Odyssey, depot: FileServer, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(odyssey.OdysseyValueError):
        await client.recording("s-1").download(tmp_path / "it", **wrong)
    assert depot.located == 0


async def test_a_transport_that_loads_no_files_has_an_error_of_its_own(
    server: ServerThread, tmp_path: Path
) -> None:
    class Plain:
        """Somebody's own, from before there were downloads."""

        def __init__(self) -> None:
            pool = HttpPool()
            self.exchange, self.aclose = pool.exchange, pool.aclose

    plain: Any = Plain
    async with Odyssey(api_key="ody_files", api_url=server.url, exchanges=plain) as client:
        with pytest.raises(odyssey.OdysseyError, match="cannot download files") as caught:
            await client.recording("s-1").download(tmp_path / "it")
    assert caught.value.code == "unsupported"


async def test_a_connection_is_used_again_for_the_next_file(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        await client.recording("s-1").download(tmp_path / name)
    assert len(depot.peers) == 1


async def test_nothing_secret_is_seen(
    client: Odyssey, depot: FileServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    handle = client.recording("s-1")
    assert repr(handle) == "<StreamRecording 's-1'>"
    depot.statuses = [500] * 5
    with pytest.raises(odyssey.OdysseyConnectionError) as caught:
        await handle.download(tmp_path / "it")
    error = caught.value
    said = [record.getMessage() for record in caplog.records if record.name.startswith("odyssey")]
    assert SECRET not in str(said) + repr(error) + repr(error.failure) + error.detail
    assert "access-canary" not in str(depot.received)
