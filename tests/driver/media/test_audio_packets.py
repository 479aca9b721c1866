"""Sound in order, whatever the network makes of it, and on one clock with the pictures."""

import asyncio
from itertools import count, pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from odyssey_anyio.media import audio_receiver
from odyssey_anyio.media.audio_frame import AudioFrame
from odyssey_anyio.media.audio_packets import MAX_WAITING_PACKETS, AudioPackets
from odyssey_anyio.media.delivery import FrameFanout
from odyssey_anyio.media.encoded_picture import EncodedPicture
from odyssey_anyio.media.media_clock import REPORTS, MediaClock, SteadyOffset
from odyssey_anyio.media.packet_buffer import ReceivedFrame


def packet(number: int, source: int = 7, data: bytes = b"sound") -> Any:
    """Returns a packet of 20 ms."""
    return SimpleNamespace(
        sequence_number=number % 0x10000, ssrc=source, timestamp=number * 960 % 2**32, _data=data
    )


def ordered(packets: list[Any]) -> list[int]:
    """Returns which packets come out, in which order, by their timestamps."""
    buffer = AudioPackets(count(1).__next__)
    found = []
    for each in packets:
        keyframe, run = buffer.add(each)
        assert not keyframe
        found += [frame.timestamp // 960 for frame in run.frames] if run is not None else []
    return found


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ([5, 6, 7], [5, 6, 7]),
        ([5, 7, 6, 8], [5, 6, 7, 8]),
        ([5, 5, 6, 6], [5, 6]),
        ([5, 7, 8, 9, 10], [5]),
        ([5, 7, 8, 9, 10, 11], [5, 7, 8, 9, 10, 11]),
        ([5, 7, 8, 9, 10, 11, 6, 12], [5, 7, 8, 9, 10, 11, 12]),
        ([65_535, 65_536, 65_538, 65_537], [65_535, 65_536, 65_537, 65_538]),
        ([9000, 9001, 3, 4], [9000, 9001, 3, 4]),
        ([5, 50, 51, 52, 53, 54], [5, 50, 51, 52, 53, 54]),
    ],
    ids=["in order", "swapped", "twice", "a gap", "a gap given up", "late", "wrapped", "anew", "a pause"],
)
def test_packets_come_out_in_order(sent: list[int], found: list[int]) -> None:
    assert ordered([packet(number) for number in sent]) == found


def test_another_sender_begins_anew_and_padding_is_no_sound() -> None:
    sent = [
        packet(5),
        packet(7),
        packet(900, source=8),
        packet(901, source=8, data=b""),
        packet(902, source=8),
    ]
    assert ordered(sent) == [5, 900]
    buffer = AudioPackets(count(1).__next__)
    for number in (1, 3, 4):
        buffer.add(packet(number))
    assert repr(buffer) == "<AudioPackets 2 waiting>"
    assert (buffer.origin, MAX_WAITING_PACKETS) == (960, 4)


class Time:
    """A clock in a test's hand, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def ntp(seconds: float) -> int:
    """Returns an NTP timestamp."""
    return int(seconds * 2**32)


def test_reports_say_how_the_tracks_lie_to_each_other() -> None:
    """The sound was sent 30 ms before the picture, and came 100 ms before it."""
    time = Time()
    clock = MediaClock(time)
    clock.audio_began(960, 48_000)
    time.now = 0.1
    clock.video_began(90_000, 90_000)
    assert (clock.audio_offset_ms, round(clock.video_offset_ms)) == (0, 100)
    # Each is of a moment one second after the first of its track.
    clock.audio_reported(ntp(1000.97), 960 + 48_000)
    assert clock.audio_offset_ms == 0
    clock.video_reported(ntp(1001.0), 180_000)
    assert (round(clock.audio_offset_ms), round(clock.video_offset_ms)) == (70, 100)
    assert repr(clock) == "<MediaClock video 100 ms, audio 70 ms>"


def test_a_report_that_was_late_itself_is_outweighed() -> None:
    clock = MediaClock(Time())
    clock.video_began(0, 90_000)
    clock.audio_began(2**32 - 48_000, 48_000)
    clock.video_reported(ntp(1001.0), 90_000)
    clock.audio_reported(ntp(1001.5), 0)
    assert round(clock.audio_offset_ms) == 500
    clock.audio_reported(ntp(1002.0), 48_000)
    assert round(clock.audio_offset_ms) == 0
    for late in range(REPORTS - 2):
        clock.audio_reported(ntp(1003.3 + late), 96_000 + 48_000 * late)
    assert round(clock.audio_offset_ms) == 0
    clock.audio_reported(ntp(1003.3 + REPORTS), 96_000 + 48_000 * REPORTS)
    clock.audio_reported(ntp(1004.3 + REPORTS), 96_000 + 48_000 * (REPORTS + 1))
    assert round(clock.audio_offset_ms) == 300


def test_a_report_without_a_clock_or_with_another_one_changes_nothing() -> None:
    clock = MediaClock(Time())
    clock.video_began(0, 90_000)
    clock.audio_began(0, 48_000)
    clock.video_reported(ntp(3_900_000_000), 0)
    for sent in (0, 5, 3_900_000_011):
        clock.audio_reported(ntp(sent), 0)
        assert clock.audio_offset_ms == 0


def test_timestamps_that_wrap_after_hours_leave_the_tracks_together() -> None:
    clock = MediaClock(Time())
    clock.video_began(0, 90_000)
    clock.audio_began(0, 48_000)
    for at in range(0, 30 * 3600, 600):
        clock.video_reported(ntp(1000 + at), at * 90_000 % 2**32)
        clock.audio_reported(ntp(1000.1 + at), at * 48_000 % 2**32)
        assert round(clock.audio_offset_ms) == 100


def test_without_the_other_track_each_begins_at_zero() -> None:
    time = Time()
    clock = MediaClock(time)
    clock.video_reported(ntp(1.0), 0)
    time.now = 3.0
    clock.video_began(5, 90_000)
    clock.video_began(99, 90_000)
    clock.video_reported(ntp(1.0), 5)
    assert (clock.video_offset_ms, clock.audio_offset_ms) == (0, 0)


@pytest.mark.parametrize("target", [605.0, -605.0, 3.0, 0.0])
def test_timestamps_that_are_set_right_never_jump_nor_run_backwards(target: float) -> None:
    offset = SteadyOffset()
    stamps = [20.0 * n + offset.toward(0.0 if n < 50 else target, 20.0 * n) for n in range(250)]
    assert all(15 <= after - before <= 25 for before, after in pairwise(stamps))
    assert stamps[-1] == 20 * 249 + target


def test_the_first_timestamp_is_right_at_once_and_what_was_sent_before_moves_nothing() -> None:
    offset = SteadyOffset()
    assert offset.toward(300.0, 1000.0) == 300
    assert offset.toward(0.0, 500.0) == 300
    assert "300" in repr(offset)


def test_encoded_sound_has_timestamps_on_the_clock_of_the_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The pictures began half a second later, so their zero is half a second of sound."""
    for name in ("decode_otherwise", "on_sender_report"):
        monkeypatch.setattr(audio_receiver, name, lambda *_: True)
    now, clock = 100.0, MediaClock(lambda: now)
    fanout: FrameFanout[AudioFrame] = FrameFanout()
    seen: list[int] = []

    class Sink:
        def put(self, codec: str, picture: EncodedPicture | None, frame: ReceivedFrame) -> bool:
            seen.append(frame.timestamp)
            return False

    async def receive() -> None:
        nonlocal now
        receiver = audio_receiver.AudioReceiver(SimpleNamespace(track=None), fanout, clock)
        fanout.feed(Sink())
        clock.audio_began(0, 48_000)
        now += 0.5
        clock.video_began(0, 90_000)
        receiver._wait(SimpleNamespace(name="opus", clockRate=48_000), ReceivedFrame(b"", 48_000, 1, True))

    asyncio.run(receive())
    assert seen == [24_000]
