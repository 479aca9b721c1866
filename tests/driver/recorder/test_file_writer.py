"""The thread that writes a file: slow, stuck, or failing."""

import threading
from pathlib import Path
from typing import Any

import anyio
import pytest
from house.video_files import timed

from odyssey import OdysseyError
from odyssey_anyio.recorder import file_writer
from odyssey_anyio.recorder.file_writer import FileWriter
from odyssey_anyio.recorder.video_file import VideoFile
from odyssey_anyio.recorder.video_recorder import VideoRecorder

WITHIN = 20.0


def test_a_writer_that_has_failed_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(file: VideoFile, picture: Any) -> None:
        raise OSError("full")

    monkeypatch.setattr(VideoFile, "write", write)
    writer = FileWriter(tmp_path / "cat.webm")
    for picture in timed("vp8", 3):
        writer.put(picture)
    writer.start()
    assert writer.finish(WITHIN)
    assert isinstance(writer.error, OSError)
    assert "0 waiting" in repr(writer)
    assert (writer.lost, writer._waiting_bytes) == (3, 0)


def test_a_writer_that_is_too_slow_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write = threading.Event()
    real = VideoFile.write

    def write(file: VideoFile, picture: Any) -> None:
        may_write.wait(WITHIN)
        real(file, picture)

    monkeypatch.setattr(VideoFile, "write", write)
    monkeypatch.setattr(file_writer, "MAX_WAITING_FRAMES", 3)
    writer = FileWriter(tmp_path / "cat.webm")
    pictures = timed("vp8", 3)
    for picture in pictures:
        assert writer.put(picture) == ""
    assert writer.put(pictures[2]) == "overflow"
    monkeypatch.setattr(file_writer, "MAX_WAITING_FRAMES", 10)
    monkeypatch.setattr(file_writer, "MAX_WAITING_BYTES", 3)
    assert writer.put(pictures[2]) == "overflow"
    writer.start()
    assert not writer.finish(0.01)
    may_write.set()
    assert writer.finish(WITHIN)
    assert writer.put(pictures[2]) == "closed"
    assert (writer.frames, writer.lost, writer.error) == (3, 0, None)


@pytest.mark.anyio
async def test_a_disk_that_is_stuck_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_write = threading.Event()
    monkeypatch.setattr(VideoFile, "write", lambda file, picture: may_write.wait(WITHIN))
    monkeypatch.setattr("odyssey_anyio.recorder.video_recorder.FINISHING_SECONDS", 0.05)
    recorder = VideoRecorder(tmp_path / "cat.webm", lambda recorder: None)
    with pytest.raises(OdysseyError, match="stuck") as caught:
        async with recorder:
            recorder._writer.put(timed("vp8", 1)[0])
    assert caught.value.code == "record.failed"
    may_write.set()
    assert await anyio.to_thread.run_sync(recorder._writer.finish, WITHIN)
