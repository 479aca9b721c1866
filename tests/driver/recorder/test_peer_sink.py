"""Which frames are written, and when each is seen."""

from typing import Any

import pytest
from house.video_pair import PEER, RATE, picture, until, video_pair

from odyssey_anyio.media.delivery import Bounded
from odyssey_anyio.media.encoded_picture import EncodedPicture
from odyssey_anyio.media.packet_buffer import MAX_REPAIRED_PACKETS, ReceivedFrame
from odyssey_anyio.recorder.peer_sink import PeerSink
from odyssey_anyio.recorder.sound_sink import SoundSink
from odyssey_anyio.recorder.timed_picture import TimedPicture, TimedSound

CLOCK = 90_000
KEYFRAME = EncodedPicture(True, 64, 48)
DELTA = EncodedPicture(False)


class Sink:
    """A sink, and what it makes of frames."""

    def __init__(self) -> None:
        self.now = 100.0
        self.full = ""
        self.written: list[TimedPicture] = []
        self.dropped: list[str] = []
        self.numbers = 0
        self.sink = PeerSink(lambda: self.now, self._take, self.dropped.append)

    def _take(self, picture: TimedPicture) -> str:
        if not self.full:
            self.written.append(picture)
        return self.full

    def put(self, picture: EncodedPicture | None, ticks: int = 0, *, follows: bool = True) -> bool:
        """Puts a frame; returns whether a keyframe is asked for."""
        self.numbers += 1
        return self.sink.put("VP8", picture, ReceivedFrame(b"data", ticks, self.numbers, follows))


def test_it_begins_with_a_keyframe_which_is_asked_for_again() -> None:
    sink = Sink()
    assert [sink.put(DELTA) for _ in range(25)] == [number % 12 == 0 for number in range(25)]
    assert (sink.written, sink.dropped) == ([], ["undecoded"] * 25)
    assert not sink.put(KEYFRAME)
    assert not sink.put(DELTA)
    assert len(sink.written) == 2


@pytest.mark.parametrize("loss", ["missing", "undecodable"])
def test_what_builds_on_a_lost_frame_is_left_out(loss: str) -> None:
    sink = Sink()
    sink.put(KEYFRAME)
    assert sink.put(DELTA, follows=False) if loss == "missing" else sink.put(None)
    assert not sink.put(DELTA)
    assert len(sink.written) == 1
    # A keyframe needs nothing before it.
    sink.put(KEYFRAME, follows=False)
    sink.put(DELTA)
    assert (len(sink.written), sink.dropped) == (3, ["undecoded"] * 2)


def test_what_comes_faster_than_it_is_written() -> None:
    sink = Sink()
    sink.put(KEYFRAME)
    sink.full = "overflow"
    assert sink.put(DELTA)
    sink.full = ""
    assert not sink.put(DELTA)
    assert sink.dropped == ["overflow", "undecoded"]
    sink.put(KEYFRAME)
    assert len(sink.written) == 2


def test_the_first_keyframe_of_h264_brings_its_parameter_sets() -> None:
    sink = Sink()
    assert sink.put(EncodedPicture(True))
    sink.put(KEYFRAME)
    sink.put(EncodedPicture(True))
    assert (len(sink.written), sink.dropped) == (2, ["undecoded"])


def test_each_picture_is_seen_by_the_clock_of_its_sender() -> None:
    """A second that the network took moves nothing, a pause of ten seconds stays one."""
    sink = Sink()
    sink.put(KEYFRAME, ticks=700)
    sink.now += 1.5
    sink.put(DELTA, ticks=700 + CLOCK // 2)
    sink.now += 10
    sink.put(DELTA, ticks=700 + 10 * CLOCK)
    assert [picture.ticks for picture in sink.written] == [100 * CLOCK, 100 * CLOCK + CLOCK // 2, 110 * CLOCK]


def test_a_sender_that_counts_anew_leaves_no_hole() -> None:
    """Of each track by itself: the other one stays where it is."""
    sink = Sink()
    packets: list[TimedSound] = []
    sound = SoundSink(sink.sink, packets.append)
    # Each track jumps once, a second of the clock after what was before.
    for second, jump, sound_jump in ((0, 0, 0), (1, 2**31, 0), (2, 2**31, 2**32)):
        sink.now = 100.0 + second
        sink.put(KEYFRAME, ticks=second * CLOCK + jump)
        sound.put("opus", KEYFRAME, ReceivedFrame(b"sound", second * 48_000 + sound_jump, 1, True))
    assert [each.ticks / CLOCK for each in sink.written] == [100, 101, 102]
    assert [each.ticks / CLOCK for each in packets] == [100, 101, 102]


def test_pictures_that_counted_anew_before_they_were_written_leave_sound_in_its_place() -> None:
    sink = Sink()
    packets: list[TimedSound] = []
    sound = SoundSink(sink.sink, packets.append)
    for second in range(3, 6):
        sink.now = 97.0 + second
        sink.put(KEYFRAME, ticks=second * CLOCK + 2**31)
        sound.put("opus", KEYFRAME, ReceivedFrame(b"sound", second * 48_000, 1, True))
    assert [each.ticks / CLOCK for each in sink.written] == [100, 101, 102]
    assert [each.ticks / CLOCK for each in packets] == [100, 101, 102]


def test_sound_that_was_held_up_from_its_beginning_lies_beside_the_pictures() -> None:
    sink = Sink()
    packets: list[TimedSound] = []
    sound = SoundSink(sink.sink, packets.append)
    sink.put(KEYFRAME, ticks=90 * CLOCK)
    sink.now = 120.0
    sound.put("opus", KEYFRAME, ReceivedFrame(b"sound", 91 * 48_000, 1, True))
    assert [each.ticks / CLOCK for each in packets] == [101]


def test_frames_that_were_held_up_stay_where_they_were() -> None:
    sink = Sink()
    packets: list[TimedSound] = []
    sound = SoundSink(sink.sink, packets.append)
    for second in range(40):
        # Those of half a minute come together, the first of them that late.
        sink.now = 100.0 + (second if second < 5 else max(second, 35))
        sink.put(KEYFRAME, ticks=second * CLOCK)
        sound.put("opus", KEYFRAME, ReceivedFrame(b"sound", second * 48_000, 1, True))
    assert [each.ticks / CLOCK for each in sink.written] == [100 + second for second in range(40)]
    assert [each.ticks / CLOCK for each in packets] == [100 + second for second in range(40)]


def test_sound_stands_on_the_clock_of_the_pictures() -> None:
    sink = Sink()
    packets: list[TimedSound] = []
    sound = SoundSink(sink.sink, packets.append)

    def hear(codec: str, timestamp: int) -> None:
        assert not sound.put(codec, KEYFRAME, ReceivedFrame(b"sound", timestamp, 1, True))

    # Before the first picture it is not known when it is played.
    hear("opus", 0)
    sink.put(KEYFRAME, ticks=CLOCK)
    hear("PCMU", 48_000)
    for timestamp in (48_000, 48_960, 96_000):
        hear("opus", timestamp)
    begin = sink.written[0].ticks
    assert [each.ticks - begin for each in packets] == [0, 1_800, CLOCK]


@pytest.mark.anyio
async def test_lost_packets_of_real_video(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each picture that is written builds on the one that was written before it, and all are counted."""
    from aiortc.rtcrtpreceiver import RTCRtpReceiver

    real = RTCRtpReceiver._handle_rtp_packet
    losing = False
    lost = 0

    async def handle(receiver: Any, packet: Any, arrival_time_ms: int) -> None:
        nonlocal lost
        lost += losing
        if not losing:
            await real(receiver, packet, arrival_time_ms)

    monkeypatch.setattr(RTCRtpReceiver, "_handle_rtp_packet", handle)
    sink = Sink()
    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, Bounded(64))
        end = pair.receiver.feed(PEER, sink.sink)
        await pair.send_until(lambda: len(sink.written) > 5, picture)
        losing = True
        # More than a sender keeps to send it again.
        pair.send(*(picture() for _ in range(2 * MAX_REPAIRED_PACKETS)))
        await until(lambda: lost > 1.5 * MAX_REPAIRED_PACKETS)
        losing = False
        before = len(sink.written)
        await pair.send_until(lambda: len(sink.written) > before + 5, picture)
        await until(lambda: frames.account.received == len(sink.written) + len(sink.dropped))
        end()
        written = len(sink.written)
        received = frames.account.received
        await pair.send_until(lambda: frames.account.received > received, picture)
        assert len(sink.written) == written
    step = CLOCK // RATE
    pairs = list(zip(sink.written, sink.written[1:], strict=False))
    assert all(abs(later.ticks - earlier.ticks - step) <= 1 or later.keyframe for earlier, later in pairs)
    assert any(later.ticks - earlier.ticks > 10 * step for earlier, later in pairs)
