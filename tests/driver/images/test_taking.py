"""Everything that an application may have as an image, and everything that it may take for one."""

import base64
import copy
import io
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import numpy as np
import pytest
from pictures import CORNERS, corners, exif, file, quarters, read
from PIL import Image

from odyssey import VideoFrame
from odyssey_anyio.images import MAX_FILE_BYTES, Flaw, ImageError, data_url
from odyssey_anyio.images.inputs import take
from odyssey_anyio.images.prepare import prepare

on_every_loop = pytest.mark.anyio

PNG = file(quarters(), "PNG")
URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
PIXELS = np.asarray(quarters())


def url_of(image: Any, portrait: bool = True) -> str:
    return prepare(image, portrait, lambda: None)


def seen(image: Any) -> tuple[tuple[int, ...], ...]:
    return corners(read(url_of(image)))


def stored(orientation: int) -> Image.Image:
    return Image.open(
        io.BytesIO(file(quarters().transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif(orientation)))
    )


@pytest.mark.parametrize(
    "image",
    [
        PNG,
        bytearray(PNG),
        memoryview(PNG),
        memoryview(PNG * 2)[: len(PNG)],
        URL,
        URL.replace("image/png", "image/jpeg"),
        URL.replace("data:image/png", "DATA:"),
        PIXELS,
        np.asfortranarray(PIXELS),
        np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)]),
        PIXELS.astype(np.uint16) * 257,
        PIXELS / 255,
        (PIXELS / 255).astype(np.float32),
        PIXELS > 127,
        VideoFrame(PIXELS, 88, 160),
        quarters(),
        quarters().convert("RGBA"),
        quarters().quantize(4),
        quarters().convert("CMYK"),
        stored(6),
    ],
    ids=lambda image: f"{type(image).__name__} {getattr(image, 'dtype', getattr(image, 'mode', ''))}",
)
def test_what_is_in_memory(image: Any) -> None:
    # The kind is what the bytes say, whatever the address claims.
    assert seen(image) == CORNERS


@pytest.mark.parametrize("kind", [str, Path])
def test_what_is_in_a_file(tmp_path: Path, kind: Callable[[Path], Any]) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(PNG)
    assert seen(kind(path)) == CORNERS
    os.symlink(path, tmp_path / "link")
    assert seen(kind(tmp_path / "link")) == CORNERS


def test_what_is_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "image.png").write_bytes(PNG)
    assert seen("~/image.png") == seen(Path("~/image.png")) == CORNERS


BASE64 = base64.b64encode(PNG).decode()


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png," + quote(PNG),
        "data:," + quote(PNG),
        "data:image/png;charset=x;base64," + BASE64,
        "data:image/png; BASE64 ," + BASE64,
        "data:image/png;base64," + quote(BASE64, safe=""),
        "data:image/png;base64," + BASE64.rstrip("="),
        "data:image/png;base64," + BASE64.rstrip("=") + "%3D" * BASE64.count("="),
        "data:image/png;base64,\n  " + "\r\n  ".join(re.findall(".{1,76}", BASE64)) + "\n",
        "  \n" + URL,
    ],
)
def test_a_data_url_may_say_the_same_in_many_ways(url: str) -> None:
    assert take(url) == PNG


class Somewhere:
    """A path of somebody else's making."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        if isinstance(self.path, Exception):
            raise self.path
        return self.path


def test_a_path_may_be_of_any_make_and_of_bytes(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xc3\xa9.png"
    Path(os.fsdecode(path)).write_bytes(PNG)
    assert seen(Somewhere(path)) == CORNERS
    assert seen(Somewhere(os.fsdecode(path))) == CORNERS


def data_url_of(size: int) -> str:
    return "data:image/bmp;base64," + base64.b64encode(b"BM" + bytes(size - 2)).decode()


@pytest.mark.parametrize("over", [1, 2, 3])
def test_a_data_url_is_measured_to_the_byte(over: int) -> None:
    with pytest.raises(ImageError, match="the most is") as caught:
        url_of(data_url_of(MAX_FILE_BYTES + over))
    assert caught.value.flaw is Flaw.TOO_LARGE
    # One that just fits is looked into.
    with pytest.raises(ImageError, match="BMP image is broken"):
        url_of(data_url_of(MAX_FILE_BYTES))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_can_be_copied_and_sent_elsewhere(again: Callable[[ImageError], ImageError]) -> None:
    error = ImageError(Flaw.CORRUPT, "it is broken")
    error.add_note("seen twice")
    other = again(error)
    assert type(other) is ImageError
    assert (other.flaw, str(other), other.__notes__) == (Flaw.CORRUPT, "it is broken", ["seen twice"])


class Dribble(io.RawIOBase):
    """A file that gives a little at a time."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def read(self, size: int = -1) -> bytes:
        piece, self.rest = self.rest[:100], self.rest[100:]
        return piece


def test_an_open_file_is_read_from_where_it_stands_and_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(b"before" + PNG)
    with path.open("rb") as opened:
        opened.seek(6)
        assert seen(opened) == CORNERS
        assert opened.tell() == 6 + len(PNG)
        with pytest.raises(ImageError, match="empty"):
            url_of(opened)
    assert seen(io.BytesIO(PNG)) == CORNERS
    assert seen(Dribble(PNG)) == CORNERS


@pytest.mark.parametrize(
    ("pixels", "level"),
    [
        (np.full((8, 8), 77, np.uint8), 77),
        (np.full((8, 8, 1), 77, np.uint8), 77),
        (np.full((8, 8), 77 << 8, np.uint16), 77),
        (np.full((8, 8), 77 / 255, np.float16), 77),
        (np.zeros((8, 8, 4), np.uint8), 255),
        (Image.new("L", (8, 8), 77), 77),
        (Image.new("LA", (8, 8), (77, 255)), 77),
        (Image.new("I;16", (8, 8), 77 << 8), 77),
        (Image.new("I", (8, 8), 77 << 8), 77),
        (Image.new("I", (8, 8), -5), 0),
        (Image.new("RGBA", (8, 8), (0, 0, 0, 0)), 255),
        (Image.new("1", (8, 8), 1), 255),
    ],
)
def test_grey_and_transparent_pixels(pixels: Any, level: int) -> None:
    found = read(url_of(pixels, False)).astype(int)
    assert np.abs(found - level).max() <= 2


class Broken:
    def read(self, size: int) -> bytes:
        raise RuntimeError("no more")


class Endless:
    def read(self, size: int) -> bytes:
        return b"\xff\xd8\xff" * 100_000


def truncated(kind: str, length: int) -> Image.Image:
    return Image.open(io.BytesIO(file(quarters(), kind)[:length]))


def closed() -> Image.Image:
    image = quarters()
    image.close()
    return image


@pytest.mark.parametrize(
    ("image", "flaw", "says"),
    [
        (b"", Flaw.EMPTY, "empty"),
        (bytearray(), Flaw.EMPTY, "empty"),
        (io.BytesIO(), Flaw.EMPTY, "empty"),
        ("data:;base64,", Flaw.EMPTY, "empty"),
        ("data:image/png,plain", Flaw.UNKNOWN_KIND, "it is text"),
        ("data:image/png;base64", Flaw.NOT_BASE64, "no comma"),
        ("data:image/png;base64,@@@", Flaw.NOT_BASE64, "not valid base64"),
        ("data:image/png;base64,ä", Flaw.NOT_BASE64, "not valid base64"),
        ("data:image/png;base64,AAAAA", Flaw.NOT_BASE64, "not valid base64"),
        ("data:image/png;base64,\ud800", Flaw.NOT_BASE64, "not valid base64"),
        ("data:image/png;base64,aGVsbG8=", Flaw.UNKNOWN_KIND, "it is text"),
        ("data:image/png;base64," + "A" * (2 * MAX_FILE_BYTES), Flaw.TOO_LARGE, "the most is"),
        ("data:image/png," + "A" * (5 * MAX_FILE_BYTES), Flaw.TOO_LARGE, "over"),
        (bytes(MAX_FILE_BYTES + 1), Flaw.TOO_LARGE, "the most is"),
        (bytearray(MAX_FILE_BYTES + 1), Flaw.TOO_LARGE, "the most is"),
        (Endless(), Flaw.TOO_LARGE, "the most is"),
        ("", Flaw.UNREADABLE, "the image file with an empty path cannot be read"),
        ("/nowhere/at/all.png", Flaw.UNREADABLE, "/nowhere/at/all.png cannot be read: No such file"),
        (Path("/nowhere"), Flaw.UNREADABLE, "/nowhere cannot be read: No such file"),
        ("~/no such cat.png", Flaw.UNREADABLE, f"{Path.home()}/no such cat.png cannot be read"),
        ("https://example.org/cat.jpg", Flaw.TYPE, "not a URL"),
        (Path("https://example.org/cat.jpg"), Flaw.TYPE, "not a URL"),
        ("s3://bucket/cat.jpg", Flaw.TYPE, "not a URL"),
        ("blob:https://example.org/1-2", Flaw.TYPE, "not a URL"),
        ("c:/cat.png", Flaw.UNREADABLE, "c:/cat.png cannot be read"),
        ("\0", Flaw.UNREADABLE, "cannot be read"),
        ("\ud800", Flaw.UNREADABLE, "cannot be read"),
        ("x" * 100_000, Flaw.UNREADABLE, "cannot be read"),
        (Somewhere(b"/nowhere"), Flaw.UNREADABLE, "No such file"),
        (Somewhere(b"\0"), Flaw.UNREADABLE, "cannot be read"),
        (Somewhere(7), Flaw.TYPE, "gives no path"),
        (Somewhere(RuntimeError("lost")), Flaw.TYPE, "lost"),
        ("/", Flaw.UNREADABLE, "not that of a file: /"),
        ("/dev/zero", Flaw.UNREADABLE, "not that of a file"),
        (io.StringIO("text"), Flaw.UNREADABLE, "gives str, not bytes"),
        (Broken(), Flaw.UNREADABLE, "no more"),
        (7, Flaw.TYPE, "not int"),
        ([1], Flaw.TYPE, "not list"),
        (object(), Flaw.TYPE, "not object"),
        (PIXELS.tolist(), Flaw.TYPE, "not list"),
        (np.zeros((0, 5, 3), np.uint8), Flaw.CORRUPT, "no pixels"),
        (np.zeros(5, np.uint8), Flaw.TYPE, "(5,)"),
        (np.zeros((5, 5, 2), np.uint8), Flaw.TYPE, "(5, 5, 2)"),
        (np.zeros((3, 5, 5), np.uint8), Flaw.TYPE, "(3, 5, 5)"),
        (np.zeros((5, 5, 3), np.int32), Flaw.TYPE, "int32"),
        (np.zeros((5, 5, 3), complex), Flaw.TYPE, "complex"),
        (np.full((5, 5, 3), 1.5), Flaw.TYPE, "from 0 to 1"),
        (np.full((5, 5, 3), np.nan), Flaw.TYPE, "from 0 to 1"),
        (np.broadcast_to(np.uint8(0), (70_000, 70_000)), Flaw.TOO_MANY_PIXELS, "70000x70000"),
        (Image.new("RGB", (0, 0)), Flaw.CORRUPT, "no pixels"),
        (truncated("PNG", 200), Flaw.CORRUPT, "Pillow image is broken"),
        # Its pixels are not read by whoever asks for its mode or its Exif data.
        (truncated("JPEG", -200), Flaw.CORRUPT, "Pillow image is broken"),
        (closed(), Flaw.CORRUPT, "closed image"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isascii() and len(value) < 30 else "",
)
def test_what_is_refused(image: Any, flaw: Flaw, says: str) -> None:
    with pytest.raises(ImageError) as caught:
        url_of(image)
    assert caught.value.flaw is flaw
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="not that of a file"):
        url_of(tmp_path / "pipe")


@on_every_loop
@pytest.mark.parametrize(
    "image", [PNG, bytearray(PNG), URL, PIXELS, quarters(), io.BytesIO], ids=lambda i: type(i).__name__
)
async def test_the_loop_never_waits_for_an_image(image: Any) -> None:
    given = image(PNG) if image is io.BytesIO else image
    assert corners(read(await data_url(given, portrait=True))) == CORNERS
    for wrong in (b"", bytearray(MAX_FILE_BYTES + 1), "/nowhere", 7):
        with pytest.raises(ImageError):
            await data_url(wrong, portrait=True)  # type: ignore[arg-type]  # wrong on purpose


@on_every_loop
async def test_an_asynchronous_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(PNG)
    async with await anyio.open_file(tmp_path / "image", "rb") as opened:
        with pytest.raises(ImageError, match="asynchronous AsyncFile"):
            await data_url(opened, portrait=True)


@on_every_loop
async def test_what_changes_while_it_waits_was_taken_before() -> None:
    image = bytearray(PNG)
    async with anyio.create_task_group() as group:
        urls: list[str] = []

        async def take() -> None:
            urls.append(await data_url(image, portrait=True))

        group.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        image[:] = bytes(len(image))
    assert corners(read(urls[0])) == CORNERS


class Waits:
    """A file that is read only when it may be, and tells whether it was read on."""

    def __init__(self) -> None:
        import threading

        self.may = threading.Event()
        self.begun = threading.Event()

    def read(self, size: int) -> bytes:
        self.begun.set()
        self.may.wait(20)
        return b""


@on_every_loop
async def test_whoever_waits_can_be_cancelled() -> None:
    image: Any = Waits()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: data_url(image, portrait=True))
            while not image.begun.is_set():
                await anyio.sleep(0.001)
            group.cancel_scope.cancel()
    image.may.set()


def test_the_work_can_be_given_up_between_its_steps() -> None:
    done: list[int] = []

    def checkpoint() -> None:
        done.append(1)
        if len(done) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        prepare(PNG, True, checkpoint)


def test_pillow_is_loaded_when_it_is_first_used() -> None:
    program = (
        "import sys\n"
        "from odyssey import Odyssey\n"
        "from odyssey_anyio.images import data_url\n"
        "print('PIL' in sys.modules)\n"
        "from odyssey_anyio.images.prepare import prepare\n"
        "print(prepare(sys.stdin.buffer, True, lambda: None)[:23], 'pillow_heif' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], input=PNG, capture_output=True, timeout=50)
    assert done.stdout.decode() == "False\ndata:image/jpeg;base64, False\n"
