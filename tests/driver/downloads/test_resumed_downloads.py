"""Downloads that are interrupted: gone on with where that is possible, and begun anew where it is not."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from house.file_server import FileServer
from house.folders import there

import odyssey
from odyssey import Odyssey

pytestmark = pytest.mark.anyio


async def test_a_reply_that_breaks_off_is_gone_on_with(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    depot.cuts = [1000, 2000, 3000]
    await client.recording("s-1").download(tmp_path / "it")
    assert await there(tmp_path) == {"it": depot.body}
    assert depot.sent == len(depot.body)
    assert [request.get("range") for request in depot.received] == [
        None,
        "bytes=1000-",
        "bytes=3000-",
        "bytes=6000-",
    ]
    assert {request.get("if-range") for request in depot.received[1:]} == {'"v1"'}


@pytest.mark.parametrize(
    ("change", "ranges"),
    [
        ({"tag": None}, [None, None]),
        ({"tag": 'W/"v1"'}, [None, None]),
        ({"ranges": False}, [None, "bytes=9-"]),
    ],
)
async def test_what_cannot_be_gone_on_with_begins_anew(
    client: Odyssey, depot: FileServer, tmp_path: Path, change: dict[str, Any], ranges: list[str | None]
) -> None:
    vars(depot).update(change)
    depot.cuts = [9]
    await client.recording("s-1").download(tmp_path / "it")
    assert await there(tmp_path) == {"it": depot.body}
    assert [request.get("range") for request in depot.received] == ranges


async def test_another_process_goes_on(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    depot.cuts = [1500] + [0] * 9
    with pytest.raises(odyssey.OdysseyConnectionError) as caught:
        await client.recording("s-1").download(tmp_path / "it")
    assert (caught.value.code, caught.value.phase) == ("network.closed", "transfer")
    left = await there(tmp_path)
    assert left["it.part"] == depot.body[:1500]
    assert json.loads(left["it.part.json"]) == {"of": "s-1/video", "tag": '"v1"', "total": len(depot.body)}
    depot.cuts = []
    depot.received.clear()
    await client.recording("s-1").download(tmp_path / "it")
    assert [request.get("range") for request in depot.received] == ["bytes=1500-"]
    assert await there(tmp_path) == {"it": depot.body}


@pytest.mark.parametrize(
    "note",
    [
        "garbage",
        "[]",
        '{"of": "s-2/video", "tag": "\\"v1\\"", "total": 7}',
        '{"of": "s-1/video", "tag": null, "total": 7}',
        "[" * 100_000,
    ],
)
async def test_bytes_of_something_else_are_not_gone_on_with(
    client: Odyssey, depot: FileServer, tmp_path: Path, note: str
) -> None:
    await anyio.Path(tmp_path / "it.part").write_bytes(b"something else")
    await anyio.Path(tmp_path / "it.part.json").write_text(note)
    await client.recording("s-1").download(tmp_path / "it")
    assert await there(tmp_path) == {"it": depot.body}


async def test_a_file_that_has_changed_begins_anew(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    await anyio.Path(tmp_path / "it.part").write_bytes(b"of old")
    note = {"of": "s-1/video", "tag": '"v0"', "total": 100}
    await anyio.Path(tmp_path / "it.part.json").write_text(json.dumps(note))
    await client.recording("s-1").download(tmp_path / "it")
    assert [request.get("if-range") for request in depot.received] == ['"v0"']
    assert await there(tmp_path) == {"it": depot.body}


async def test_bytes_that_were_all_there_are_kept(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    await anyio.Path(tmp_path / "it.part").write_bytes(depot.body)
    note = {"of": "s-1/video", "tag": '"v1"', "total": len(depot.body)}
    await anyio.Path(tmp_path / "it.part.json").write_text(json.dumps(note))
    await client.recording("s-1").download(tmp_path / "it")
    assert (depot.sent, await there(tmp_path)) == (0, {"it": depot.body})


async def test_an_address_that_has_expired_is_asked_for_anew(
    client: Odyssey, depot: FileServer, tmp_path: Path
) -> None:
    depot.statuses = [403]
    await client.recording("s-1").download(tmp_path / "it")
    assert (depot.located, await there(tmp_path)) == (2, {"it": depot.body})


async def test_an_address_is_asked_for_anew_once(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    depot.statuses = [403, 404, 403]
    with pytest.raises(odyssey.OdysseyRequestError) as caught:
        await client.recording("s-1").download(tmp_path / "it")
    assert (caught.value.code, caught.value.status, depot.located) == ("download.refused", 404, 2)
    assert await there(tmp_path) == {}


async def test_what_passes_is_waited_out(client: Odyssey, depot: FileServer, tmp_path: Path) -> None:
    depot.statuses = [500, 503, 429, 502]
    await client.recording("s-1").download(tmp_path / "it")
    assert await there(tmp_path) == {"it": depot.body}
    depot.statuses = [503] * 9
    with pytest.raises(odyssey.OdysseyConnectionError) as caught:
        await client.recording("s-1").download(tmp_path / "other")
    assert (caught.value.code, caught.value.status) == ("download.unavailable", 503)
    assert len(depot.statuses) == 4
    depot.statuses = [418]
    with pytest.raises(odyssey.OdysseyRequestError) as refused:
        await client.recording("s-1").download(tmp_path / "other")
    assert (refused.value.code, refused.value.status) == ("download.refused", 418)
