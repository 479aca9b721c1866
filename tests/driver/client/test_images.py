"""Images for a stream's start: what is taken, what is refused, and that the loop never waits for it."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inmemory import World

from odyssey import Odyssey, OdysseyStreamError
from odyssey_anyio.images import LARGEST, data_url, media_type
from odyssey_proto.exchange import json_reply

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.mark.parametrize(
    "image", [PNG, bytearray(PNG), memoryview(PNG), URL, URL.replace("image/png", "image/jpeg")]
)
async def test_what_is_in_memory(image: Any) -> None:
    # The kind is what the bytes say, whatever the address claims.
    assert await data_url(image) == URL


@pytest.mark.parametrize("kind", [str, Path])
async def test_what_is_in_a_file(tmp_path: Path, kind: Callable[[Path], Any]) -> None:
    path = tmp_path / "image"
    path.write_bytes(PNG)
    assert await data_url(kind(path)) == URL


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (b"", "no known kind"),
        (b"II*\x00" + bytes(20), "no known kind"),
        (PNG + bytes(LARGEST), "bytes"),
        ("data:image/png,plain", "base64"),
        ("data:image/png;base64,@@@", "base64"),
        ("data:image/png;base64,aGVsbG8=", "no known kind"),
        ("data:image/png;base64," + "A" * (2 * LARGEST + 4), "over"),
        ("/nowhere/at/all.png", "cannot be read"),
        ("\0", "cannot be read"),
        ("x" * 100_000, "cannot be read"),
        (7, "not int"),
        ([1], "not list"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
async def test_what_is_refused(image: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        await data_url(image)


async def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "image"
    with path.open("wb") as file:
        file.truncate(LARGEST * 40)
    with pytest.raises(ValueError, match="over"):
        await data_url(path)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"BM", "image/bmp"),
        (b"RIFF0000WEBP", "image/webp"),
        (b"0000ftypheic", "image/heic"),
        (b"0000ftypmif1", "image/heif"),
        (b"0000ftypavif", "image/avif"),
        (b"0000ftypisom", None),
        (b"RIFF0000WAVE", None),
    ],
)
def test_the_kind_by_the_first_bytes(data: bytes, kind: str | None) -> None:
    assert media_type(data) == kind


async def test_a_stream_starts_from_an_image_over_signaling(client: Odyssey, world: World) -> None:
    await client.connect()
    assert await client.start_stream("a", image=PNG) == "stream-1"
    with pytest.warns(DeprecationWarning, match="image_path"), pytest.raises(OdysseyStreamError):
        await client.start_stream("a", image_path="/nowhere")


async def test_a_bad_image_is_a_stream_error_and_a_value_error(client: Odyssey, world: World) -> None:
    await client.connect()
    with pytest.raises(OdysseyStreamError) as caught:
        await client.start_stream("a", image=b"garbage")
    assert isinstance(caught.value, ValueError)
    assert caught.value.phase == "start"
    assert "InteractiveStreamStart" not in world.heard


async def test_a_streamer_that_takes_no_images_gets_none(client: Odyssey, world: World) -> None:
    world.replies["/sessions/request"] = json_reply({"session_id": "s-1", "signalling_url": "ws://signal"})
    await client.connect()
    with pytest.raises(OdysseyStreamError, match="takes no images"):
        await client.start_stream("a", image=PNG)
    assert await client.start_stream("a")
