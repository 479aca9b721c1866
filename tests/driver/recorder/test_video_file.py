"""A file of encoded pictures: its formats, its times, its sizes, and what a killed process leaves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve
from av.error import FFmpegError
from house.video_files import (
    CLOCK,
    SOUND_STEP,
    STEP,
    codec_of,
    read_back,
    sound_of,
    sound_seconds,
    sounds,
    timed,
)

from odyssey_anyio.recorder import transcoder, video_file
from odyssey_anyio.recorder.timed_picture import TimedPicture, TimedSound
from odyssey_anyio.recorder.video_file import FORMATS, VideoFile

SUPPORT = Path(__file__).parents[2] / "support"


def write(path: Path, pictures: list[TimedPicture]) -> VideoFile:
    file = VideoFile(path)
    try:
        for picture in pictures:
            file.write(picture)
    finally:
        file.close()
    return file


def write_both(path: Path, pictures: list[TimedPicture], packets: list[TimedSound]) -> VideoFile:
    """Writes each when its time comes."""
    file = VideoFile(path, sound=True)
    for frame in sorted([*pictures, *packets], key=lambda each: each.ticks):
        if isinstance(frame, TimedSound):
            file.write_sound(frame)
        else:
            file.write(frame)
    file.close()
    return file


def which(path: Path, packets: list[TimedSound]) -> list[int]:
    """Tells which sounds are in a file."""
    return [[each.data for each in packets].index(data) for _, data in sound_of(path)]


def times(path: Path) -> list[float]:
    return [at for at, _, _ in read_back(path)]


@pytest.mark.parametrize("codec", ["vp8", "h264"])
@pytest.mark.parametrize(
    ("ending", "kept"),
    [(".mp4", ["h264"]), (".webm", ["vp8"]), (".mkv", ["vp8", "h264"]), (".MKV", ["vp8", "h264"])],
)
def test_what_each_format_keeps_as_it_is(tmp_path: Path, codec: str, ending: str, kept: list[str]) -> None:
    path = tmp_path / f"a: b{ending}"
    pictures = timed(codec, 6, begin=5 * CLOCK)
    file = write(path, pictures)
    assert codec_of(path) == (codec if codec in kept else kept[0])
    # It begins with its first picture, and each has its own time.
    assert times(path) == pytest.approx([number * STEP / CLOCK for number in range(6)], abs=0.001)
    assert (file.frames, file.seconds) == (6, pytest.approx(5 * STEP / CLOCK))
    # What is kept is there byte for byte; H264 has its start codes replaced by lengths.
    if codec in kept and codec == "vp8":
        assert all(picture.data in path.read_bytes() for picture in pictures)


def test_the_table_of_formats_is_whole() -> None:
    assert {ending: each.codec for ending, each in FORMATS.items()} == {
        ".mp4": "h264",
        ".webm": "vp8",
        ".mkv": None,
    }


@pytest.mark.parametrize("codec", ["vp8", "h264"])
@pytest.mark.parametrize("ending", FORMATS)
def test_a_size_that_changes_and_a_pause(tmp_path: Path, codec: str, ending: str) -> None:
    path = tmp_path / f"cat{ending}"
    pause = 10 * CLOCK
    write(path, timed(codec, 3) + timed(codec, 3, begin=pause, width=48, height=64))
    found = read_back(path)
    assert [size for _, *size in found] == [[64, 48]] * 3 + [[48, 64]] * 3
    step = STEP / CLOCK
    assert [at for at, *_ in found] == pytest.approx(
        [0, step, 2 * step, 10, 10 + step, 10 + 2 * step], abs=0.001
    )


@pytest.mark.parametrize("ending", FORMATS)
def test_another_coding_after_a_new_session(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cat{ending}"
    file = write(path, timed("h264", 3) + timed("vp8", 3, begin=CLOCK) + timed("h264", 3, begin=2 * CLOCK))
    found = times(path)
    assert (len(found), file.frames) == (9, 9)
    assert found[::3] == pytest.approx([0, 1, 2], abs=0.001)


def test_times_that_do_not_increase_are_moved(tmp_path: Path) -> None:
    path = tmp_path / "cat.webm"
    first, second, third = timed("vp8", 3)
    write(
        path,
        [first, TimedPicture("vp8", second.data, 0, False), TimedPicture("vp8", third.data, -STEP, False)],
    )
    assert times(path) == [0.0, 0.001, 0.002]


def test_what_cannot_be_decoded_is_left_out_until_a_keyframe(tmp_path: Path) -> None:
    path = tmp_path / "cat.mp4"
    broken = TimedPicture("vp8", b"\x10\x00\x00\x9d\x01\x2a\x40\x00\x30\x00", 3 * STEP, True)
    lost = timed("vp8", 2, begin=3 * STEP)[1]
    file = write(path, [*timed("vp8", 3), broken, lost, *timed("vp8", 2, begin=5 * STEP)])
    assert file.frames == 5
    assert times(path) == pytest.approx([number * STEP / CLOCK for number in (0, 1, 2, 5, 6)], abs=0.001)


def test_odd_sizes_are_encoded_anew_as_even_ones(tmp_path: Path) -> None:
    path = tmp_path / "cat.mp4"
    odd = timed("vp8", 2, width=63, height=47)
    file = write(path, [*odd, *timed("vp8", 2, CLOCK), *timed("vp8", 2, 2 * CLOCK, width=65, height=49)])
    assert file.frames == 6
    assert [size for _, *size in read_back(path)] == [[64, 48]] * 4 + [[66, 50]] * 2


def test_an_encoder_that_cannot_be_opened_ends_the_file_and_not_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(transcoder._ENCODERS, "h264", ("libx264", 0, {"preset": "no such"}))
    file = VideoFile(tmp_path / "cat.mp4")
    with pytest.raises(FFmpegError):
        file.write(timed("vp8", 1)[0])
    assert file._transcoder is not None
    assert file._transcoder.flush() == []
    file.close()
    assert file.frames == 0


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_a_damaged_first_keyframe_is_left_out(tmp_path: Path, codec: str, ending: str) -> None:
    path = tmp_path / f"cat{ending}"
    keyframe, delta = timed(codec, 2)
    file = write(path, [evolve(keyframe, data=keyframe.data[:10]), delta, *timed(codec, 3, begin=CLOCK)])
    assert (len(times(path)), file.frames, times(path)[0]) == (3, 3, 0.0)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
@pytest.mark.parametrize("ending", FORMATS)
def test_sound_is_kept_as_it_was_received_at_its_time(tmp_path: Path, codec: str, ending: str) -> None:
    path = tmp_path / f"cat{ending}"
    pictures, packets = timed(codec, 24, begin=5 * CLOCK), sounds(50, begin=5 * CLOCK + 450)
    file = write_both(path, pictures, packets)
    assert file.frames == len(times(path)) == 24
    found = sound_of(path)
    assert which(path, packets) == list(range(50))
    # The first of an MP4 begins with the file, and is longer by that.
    expected = [0.0 if ending == ".mp4" else 0.005, *(0.005 + 0.02 * number for number in range(1, 50))]
    assert [at for at, _ in found] == pytest.approx(expected, abs=0.002)
    assert sound_seconds(path) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_for_sound_that_never_comes(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cat{ending}"
    write_both(path, timed("vp8", 24), [])
    assert (len(times(path)), sound_of(path)) == (24, [])


def test_sound_before_the_first_picture_and_sound_that_is_set_back(tmp_path: Path) -> None:
    path = tmp_path / "cat.mkv"
    packets = sounds(6)
    file = VideoFile(path, sound=True)
    file.write_sound(packets[0])
    first, *others = timed("vp8", 3, begin=SOUND_STEP)
    file.write(first)
    # The third comes again, as it were, and the time goes on from there.
    for each, at in zip(packets, (0, 1, 2, 2, 3, 4), strict=True):
        file.write_sound(TimedSound(each.data, at * SOUND_STEP))
    for picture in others:
        file.write(picture)
    file.close()
    assert which(path, packets) == [1, 2, 4, 5]


def test_a_long_pause_of_the_pictures_keeps_no_more_sound_than_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_file, "MAX_WAITING_SOUNDS", 10)
    path = tmp_path / "cat.webm"
    packets = sounds(50)
    write_both(path, timed("vp8", 1) + timed("vp8", 1, begin=CLOCK), packets)
    assert which(path, packets) == list(range(40, 50))


PROGRAM = """
import sys
from pathlib import Path
from house.video_files import sounds, timed
from odyssey_anyio.recorder.video_file import VideoFile

folder = Path(sys.argv[1])
for name, codec in (("h264.mp4", "h264"), ("anew.mp4", "vp8"), ("vp8.webm", "vp8"), ("h264.mkv", "h264")):
    # In the last no sound comes.
    file = VideoFile(folder / name, sound=name != "anew.mp4")
    globals()[name] = file
    for second in range(4):
        for picture in timed(codec, 5, begin=second * 90_000):
            file.write(picture)
        for sound in sounds(50, begin=second * 90_000) if name != "h264.mkv" else ():
            file.write_sound(sound)
print("written", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_all_but_the_last_second(tmp_path: Path) -> None:
    search = os.pathsep.join([str(SUPPORT), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": search},
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    expected = [round(second + number / 24, 3) for second in range(4) for number in range(5)]
    found = {path.name: times(path) for path in tmp_path.iterdir()}
    assert len(found) == 4
    for at in found.values():
        assert 15 <= len(at) <= 20
        assert at == pytest.approx(expected[: len(at)], abs=0.001)
    packets = {name: len(sound_of(tmp_path / name)) for name in ("h264.mp4", "vp8.webm", "h264.mkv")}
    # What was played in the last second had no picture after it.
    assert 100 <= packets["h264.mp4"] <= 150
    assert 100 <= packets["vp8.webm"] <= 150
    assert packets["h264.mkv"] == 0
