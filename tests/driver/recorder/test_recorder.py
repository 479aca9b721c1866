"""A session in a file: what was received, at its time, through streams, losses and errors."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import av
import pytest
from attrs import evolve
from house.video_files import CLOCK, STEP, read_back, sound_of, sound_seconds, timed

from odyssey import Bounded, Odyssey, OdysseyFileError, OdysseyValueError, ReconnectPolicy
from odyssey_anyio.local.service import in_thread, serve
from odyssey_anyio.media.encoded_picture import EncodedPicture, read_picture
from odyssey_anyio.media.encoded_sinks import PictureSink
from odyssey_anyio.media.packet_buffer import ReceivedFrame
from odyssey_anyio.recorder.timed_picture import TimedPicture
from odyssey_anyio.recorder.video_recorder import VideoRecorder
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Cut, Moment

WITHIN = 20.0
LATE = 5.0
"""By so much pictures are behind the sound at most: they take a busy machine longer."""
LANDSCAPE, PORTRAIT = (1280, 704), (704, 1280)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A service for all tests here."""
    with in_thread(serve()) as service:
        yield service.url


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(WITHIN):
        while not condition():
            await anyio.sleep(0.005)


def sizes(path: Path) -> list[tuple[int, int]]:
    """Returns the sizes of a file's pictures, each where it begins."""
    found: list[tuple[int, int]] = []
    for _, width, height in read_back(path):
        if found[-1:] != [(width, height)]:
            found.append((width, height))
    return found


@pytest.mark.anyio
async def test_what_is_received_is_in_the_file_at_its_time(url: str, tmp_path: Path) -> None:
    """Two streams of different sizes, against what a reader of the same session saw."""
    path = tmp_path / "session.webm"
    seen: list[int] = []

    async def read(client: Odyssey) -> None:
        async for frame in client.frames(Bounded(256)):
            seen.append(frame.timestamp_ms)  # noqa: PERF401  # the test looks while it grows

    async with Odyssey("ody_test", api_url=url) as client, anyio.create_task_group() as group:
        async with client.record(path) as recorder:
            group.start_soon(read, client)
            await client.connect()
            for portrait in (False, True):
                async with client.stream("A cat", portrait):
                    frames = recorder.frames
                    await until(lambda frames=frames: recorder.frames > frames + 8)  # type: ignore[misc]  # these
            assert str(recorder) == f"<VideoRecorder {path} {recorder.frames} frames>"
        written = read_back(path)
        # Those that came last are on their way to the reader still.
        first = seen[0]
        await until(lambda: seen[-1] - first > 1000 * recorder.seconds + 200)
        group.cancel_scope.cancel()
    assert (recorder.frames, recorder.why_empty) == (len(written), None)
    assert set(recorder.dropped) <= {"undecoded"}
    assert recorder.seconds == pytest.approx(written[-1][0], abs=0.001)
    begin = seen.index(next(at for at in seen if at - first >= 0)) + recorder.dropped.get("undecoded", 0)
    expected = [(at - seen[begin]) / 1000 for at in seen[begin:]]
    assert [at for at, *_ in written] == pytest.approx(expected[: len(written)], abs=0.002)
    assert sizes(path)[-2:] == [LANDSCAPE, PORTRAIT]


@pytest.mark.anyio
async def test_sound_is_in_the_file_beside_the_pictures(tmp_path: Path) -> None:
    """One recorder begins before the session, one with its stream, and a third client wants no sound."""
    session, stream_only, silent = (tmp_path / name for name in ("session.mkv", "stream.webm", "silent.mkv"))
    async with (
        serve(ServiceConfig(audio=True)) as service,
        Odyssey("ody_test", api_url=service.url, audio=True) as client,
        Odyssey("ody_test", api_url=service.url) as deaf,
    ):
        async with client.record(session) as recorder:
            await client.connect()
            async with client.stream("A cat", False) as stream, stream.record(stream_only) as second:
                # Late pictures come in one go, with a second between them and hardly any sound meanwhile.
                await until(lambda: recorder.frames > 0 < second.frames)
                sound = client.audio(Bounded(1000))
                await until(lambda: second.seconds > 1 and sound.account.received > 60)
        async with deaf.record(silent) as third:
            await deaf.connect()
            await until(lambda: third.frames > 2)
    for path, seconds in ((session, recorder.seconds), (stream_only, second.seconds)):
        at = [each for each, _ in sound_of(path)]
        assert at == sorted(set(at))
        # What is missing came before the first picture, and the last may be ahead of the pictures.
        assert 0 <= at[0] < at[-1] < seconds + LATE
        assert 0.2 < sound_seconds(path) < at[-1] - at[0] + 0.05
    with av.open(str(silent)) as file:
        assert [each.type for each in file.streams] == ["video"]


@pytest.mark.anyio
async def test_a_recorder_of_a_stream_ends_with_it(url: str, tmp_path: Path) -> None:
    path = tmp_path / "stream.webm"
    async with Odyssey("ody_test", api_url=url) as client:
        await client.connect()
        async with client.stream("A cat", portrait=False) as stream, stream.record(path) as recorder:
            await until(lambda: recorder.frames > 4)
            await stream.end()
            assert "closed" in repr(recorder)
        # What was on its way when the stream began may stand before its own pictures.
        assert sizes(path) in ([LANDSCAPE], [PORTRAIT, LANDSCAPE])
        async with stream.record(tmp_path / "late.mp4") as late:
            pass
        assert late.why_empty == "there was no session whose media engine hands out what it receives"
        assert not late.path.exists()


@pytest.mark.anyio
async def test_a_recovered_session_goes_on_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "cat.webm"
    policy = ReconnectPolicy(first_delay=0.3, longest_delay=0.3)
    config = ServiceConfig(faults=(Cut(Moment.UPDATE),))
    async with (
        serve(config) as service,
        Odyssey("ody_test", api_url=service.url, reconnect=policy) as client,
        client.record(path) as recorder,
    ):
        await client.connect()
        async with client.stream("A cat", portrait=False) as stream:
            await until(lambda: recorder.frames > 4)
            await stream.interact("Pet the cat")
            await until(lambda: client.statistics().recoveries == 1)
            frames = recorder.frames
            await until(lambda: recorder.frames > frames + 4)
    times = [each for each, *_ in read_back(path)]
    assert len(times) == recorder.frames
    assert times == sorted(set(times))


@pytest.mark.anyio
async def test_a_new_peer_goes_on_by_the_clock_of_this_machine(tmp_path: Path) -> None:
    now = 100.0
    sinks: list[PictureSink] = []
    numbers = count(1)

    def source(sink: PictureSink) -> Callable[[], None]:
        sinks.append(sink)
        return lambda: None

    recorder = VideoRecorder(tmp_path / "cat.webm", lambda reader: reader.attach(source), lambda: now)
    async with recorder:
        for began, zero in ((100.0, 5_000), (107.5, 900_000)):
            now = began
            for each in timed("vp8", 2, begin=zero):
                picture = read_picture(each.codec, each.data)
                sinks[-1].put("VP8", picture, ReceivedFrame(each.data, each.ticks, next(numbers), True))
            recorder.attach(source)
    step = STEP / CLOCK
    found = [at for at, *_ in read_back(recorder.path)]
    assert found == pytest.approx([0, step, 7.5, 7.5 + step], abs=0.001)


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["no/such/folder.mp4", "folder.mp4"])
async def test_a_path_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    async with Odyssey("ody_test") as client:
        with pytest.raises(OdysseyFileError) as caught:
            async with client.record(tmp_path / name):
                pytest.fail("it has begun")
        assert (caught.value.code, caught.value.retryable) == ("record.unwritable", False)
        assert caught.value.filename == str(tmp_path / name)


@pytest.mark.anyio
async def test_arguments_that_are_refused(tmp_path: Path) -> None:
    async with Odyssey("ody_test") as client:
        wrong = {
            "cat.avi": "record.format",
            "cat": "record.format",
            7: "record.path",
            "\0.mp4": "record.path",
            "\ud800.mp4": "record.path",
            "~nobody-of-that-name/cat.mp4": "record.path",
        }
        for path, code in wrong.items():
            with pytest.raises(OdysseyValueError) as caught:
                client.record(path)  # type: ignore[arg-type]  # on purpose
            assert caught.value.code == code
        recorder = client.record(str(tmp_path / "cat.MP4"))
        async with recorder:
            pass
        with pytest.raises(OdysseyValueError, match="another"):
            async with recorder:
                pytest.fail("it has begun")


@pytest.mark.anyio
async def test_a_full_disk_ends_the_recording_and_nothing_else(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cat.webm"
    path.symlink_to("/dev/full")
    async with Odyssey("ody_test", api_url=url) as client:
        await client.connect()
        async with client.stream("A cat", portrait=False) as stream:
            recorder = client.record(path)

            async def recorded(then: Callable[[], object] = lambda: None) -> None:
                async with recorder:
                    await until(lambda: recorder.dropped.get("unwritable", 0) > 2)
                    then()

            with pytest.raises(OdysseyFileError) as caught:
                await recorded()
            assert caught.value.code == "record.failed"
            assert "No space left on device" in str(caught.value)
            assert "No space left on device" in (recorder.why_empty or "")
            # What the block raises is not hidden by it.
            recorder = client.record(path)
            with pytest.raises(ZeroDivisionError):
                await recorded(lambda: 1 // 0)
            assert await stream.interact("Pet the cat")
    assert [record.levelno for record in caplog.records if record.name == "odyssey.recorder"] == [
        logging.WARNING
    ] * 2


@pytest.mark.anyio
async def test_a_file_with_nothing_in_it_is_not_left_behind(tmp_path: Path) -> None:
    recorder = VideoRecorder(
        tmp_path / "cat.mp4", lambda recorder: recorder.attach(lambda sink: lambda: None)
    )
    async with recorder:
        assert recorder.path.exists()
    assert (recorder.frames, recorder.seconds, dict(recorder.dropped)) == (0, 0.0, {})
    assert recorder.why_empty == "no picture was received"
    assert not recorder.path.exists()


@pytest.mark.anyio
async def test_an_empty_file_that_cannot_be_removed_hides_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(path: Path) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "unlink", unlink)
    with pytest.raises(ZeroDivisionError):
        async with VideoRecorder(tmp_path / "cat.mp4", lambda reader: None):
            1 // 0  # noqa: B018  # the error of the block


@pytest.mark.anyio
async def test_a_beginning_that_fails_leaves_no_thread_and_no_file(tmp_path: Path) -> None:
    recorder = VideoRecorder(tmp_path / "cat.mp4", lambda reader: 1 // 0)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ZeroDivisionError):
        async with recorder:
            pytest.fail("it has begun")
    assert not recorder._writer._thread.is_alive()
    assert not recorder.path.exists()


@pytest.mark.anyio
async def test_a_program_that_changes_its_folder_has_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    async with VideoRecorder("cat.webm", lambda reader: None) as recorder:
        monkeypatch.chdir(tmp_path / "other")
        recorder._writer.put(timed("vp8", 1)[0])
    assert len(read_back(tmp_path / "cat.webm")) == 1
    assert not list((tmp_path / "other").iterdir())


@pytest.mark.anyio
@pytest.mark.parametrize(("ending", "good"), [(".webm", 0), (".mp4", 0), (".mp4", 2)])
async def test_a_keyframe_that_cannot_be_decoded_is_asked_for_again(
    tmp_path: Path, ending: str, good: int
) -> None:
    """The thread that writes finds it out; also after `good` pictures, if it has to decode them."""
    sinks: list[PictureSink] = []

    def source(sink: PictureSink) -> Callable[[], None]:
        sinks.append(sink)
        return lambda: None

    async with VideoRecorder(tmp_path / f"cat{ending}", lambda reader: reader.attach(source)) as recorder:
        numbers = count(1)

        def put(picture: TimedPicture) -> bool:
            frame = ReceivedFrame(picture.data, picture.ticks, next(numbers), follows=True)
            return sinks[0].put("VP8", EncodedPicture(picture.keyframe, 64, 48), frame)

        first, *deltas = timed("vp8", 3)
        before = [first, *deltas][:good]
        assert not any(put(each) for each in before)
        # Its beginning says that it is a keyframe; the rest of it is missing.
        assert not put(evolve(first, data=first.data[:10]))
        await until(lambda: put(deltas[0]))
        assert not any(put(each) for each in deltas)
        assert not any(put(each) for each in timed("vp8", 3))
    assert recorder.frames == good + 3


def test_a_count_that_changes_while_it_is_read(tmp_path: Path) -> None:
    class Changing(Counter[str]):
        """Gets another key while it is gone through, as from the media loop's thread."""

        def items(self) -> Any:
            for each in super().items():
                self["overflow"] += 1
                yield each

    recorder = VideoRecorder(tmp_path / "cat.mp4", lambda reader: None)
    recorder._dropped = Changing({"undecoded": 2})
    assert recorder.dropped == {"undecoded": 2}


@pytest.mark.anyio
async def test_a_cancelled_block_finishes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "cat.mp4"
    with anyio.CancelScope() as scope:
        async with VideoRecorder(path, lambda recorder: None) as recorder:
            for picture in timed("h264", 5):
                recorder._writer.put(picture)
            scope.cancel()
            await anyio.sleep_forever()
    assert len(read_back(path)) == recorder.frames == 5
