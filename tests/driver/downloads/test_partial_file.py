"""A file that is being loaded, beside another download to the same path."""

import os
from pathlib import Path

import pytest

from odyssey import OdysseyValueError
from odyssey_anyio.downloads.partial_file import PartialFile
from odyssey_proto.model.recordings import FileVersion

VERSION = FileVersion('"v1"', 5)


def names(folder: Path) -> list[str]:
    """Returns what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_whoever_closes_an_empty_file_leaves_that_of_the_next_download_alone(tmp_path: Path) -> None:
    first, second = (PartialFile(tmp_path / "it", "s-1/video", "s-1.mp4") for _ in range(2))
    first.open()
    first.restart(VERSION)
    first.finish()
    second.open()
    second.restart(VERSION)
    first.close()
    assert names(tmp_path) == ["it", "it.part", "it.part.json"]
    second.append(b"12345")
    second.finish()
    second.close()
    assert names(tmp_path) == ["it"]
    assert (tmp_path / "it").read_bytes() == b"12345"


def test_nothing_is_left_of_an_earlier_try_that_was_dropped(tmp_path: Path) -> None:
    for version, data in ((VERSION, b"123"), (FileVersion('"v2"', 5), b"")):
        file = PartialFile(tmp_path / "it", "s-1/video", "s-1.mp4")
        file.open()
        file.restart(version)
        file.append(data)
        file.close()
    assert names(tmp_path) == []


def test_what_is_no_regular_file_is_not_replaced(tmp_path: Path) -> None:
    """A download to /dev/null of somebody who may do so would put a file there, for all programs."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OdysseyValueError, match="a folder, a device or a pipe") as caught:
        PartialFile(pipe, "s-1/video", "s-1.mp4").open()
    assert caught.value.code == "download.path"
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]
