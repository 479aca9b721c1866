"""Packets become frames: in order, each once, and none is decoded that builds on one that is missing."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_anyio.media.encoded_queue import EncodedQueue
from odyssey_anyio.media.packet_buffer import (
    GAP_PATIENCE,
    MAX_BACKWARD_PACKETS,
    MAX_PACKETS,
    FrameRun,
    PacketBuffer,
    ReceivedFrame,
)

VP8 = SimpleNamespace(name="VP8")
KEYFRAME = bytes([0x10, 0, 0]) + b"\x9d\x01\x2a" + (320).to_bytes(2, "little") + (240).to_bytes(2, "little")
DELTA = bytes([0x11, 0, 0])
STEP = 3000
"""The time from frame to frame, at 30 a second in ticks of 90 kHz."""


class Sender:
    """Makes packets; a frame's data say its number."""

    def __init__(self, first: int = 65_530, source: int = 1, *, marked: bool = True) -> None:
        self.sequence = first
        self.source = source
        self.marked = marked
        self.frames = 0

    def frame(self, size: int = 1, *, keyframe: bool = False) -> list[Any]:
        """Returns the packets of the next frame."""
        self.frames += 1
        parts = [(KEYFRAME if keyframe else DELTA) + self.frames.to_bytes(4)] + [b"more"] * (size - 1)
        return [self.packet(data, last=part == size) for part, data in enumerate(parts, 1)]

    def packet(self, data: bytes, *, last: bool = False) -> Any:
        """Returns the next packet."""
        sequence, self.sequence = self.sequence, (self.sequence + 1) % 2**16
        return SimpleNamespace(
            ssrc=self.source,
            sequence_number=sequence,
            timestamp=(2**32 - 5 * STEP + self.frames * STEP) % 2**32,
            marker=int(last and self.marked),
            _data=data,
        )


class Receiver:
    """A buffer and the queue behind it, with a clock in hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.requests = 0
        self.numbers = 0
        self.buffer = PacketBuffer(self._begin, lambda: self.now)
        self.queue = EncodedQueue(lambda number, reason: None, lambda: 200, self._request, lambda: None)
        self.whole: list[int] = []
        self.decoded: list[int] = []

    def _begin(self) -> int:
        self.numbers += 1
        return self.numbers

    def _request(self) -> None:
        self.requests += 1

    def take(self, *packets: Any) -> None:
        """Takes packets, and decodes what may be decoded."""
        for packet in packets:
            request, run = self.buffer.add(packet)
            self.requests += request
            if run is not None:
                self.whole += [_number(frame) for frame in run.frames]
                self.queue.put((VP8, run))
            while len(self.queue):
                encoded = self.queue.take()
                assert encoded is not None
                self.decoded.append(_number(encoded[1]))


def _number(frame: ReceivedFrame) -> int:
    head = KEYFRAME if frame.data.startswith(KEYFRAME) else DELTA
    return int.from_bytes(frame.data[len(head) : len(head) + 4])


KEYFRAMES = st.integers(0, 7).map(lambda chance: chance == 0)
FRAMES = st.lists(st.tuples(st.integers(1, 5), KEYFRAMES), max_size=60)
FATES = st.sampled_from(["arrives"] * 12 + ["lost", "again", "late", "much later"])


@given(frames=FRAMES, marked=st.booleans(), first=st.sampled_from([0, 7, 65_400]), data=st.data())
def test_nothing_is_decoded_that_builds_on_a_missing_frame(
    frames: list[tuple[int, bool]], marked: bool, first: int, data: st.DataObject
) -> None:
    sender, receiver = Sender(first, marked=marked), Receiver()
    keyframes = {1} | {number for number, (_, keyframe) in enumerate(frames, 2) if keyframe}
    packets = sender.frame(3, keyframe=True)
    for size, keyframe in frames:
        packets += sender.frame(size, keyframe=keyframe)
    order: list[tuple[float, int, Any]] = []
    for at, packet in enumerate(packets):
        match data.draw(FATES):
            case "lost":
                continue
            case "again":
                order += [(at, at, packet), (at + 2.5, at, packet)]
            case "late":
                order.append((at + 3.5, at, packet))
            case "much later":
                order.append((at + 40.5, at, packet))
            case _:
                order.append((at, at, packet))
    for when, _, packet in sorted(order, key=lambda each: each[:2]):
        receiver.now = when / 100
        receiver.take(packet)
    assert receiver.decoded == sorted(set(receiver.decoded))
    for number in receiver.decoded:
        assert number in keyframes or number - 1 in receiver.decoded


@given(frames=FRAMES, marked=st.booleans())
def test_without_loss_every_frame_is_decoded_once(frames: list[tuple[int, bool]], marked: bool) -> None:
    sender, receiver = Sender(marked=marked), Receiver()
    receiver.take(*sender.frame(2, keyframe=True))
    for size, keyframe in frames:
        receiver.take(*sender.frame(size, keyframe=keyframe))
    sent = list(range(1, len(frames) + 2))
    # Without markers the last one waits for the next.
    assert receiver.decoded == sent[: len(sent) if marked else -1]


def test_a_frame_need_not_wait_for_the_next_one() -> None:
    sender, receiver = Sender(), Receiver()
    *parts, last = sender.frame(3, keyframe=True)
    receiver.take(*parts)
    assert receiver.decoded == []
    receiver.take(last)
    assert receiver.decoded == [1]


def test_a_whole_keyframe_behind_a_gap_is_where_it_goes_on() -> None:
    sender, receiver = Sender(), Receiver()
    receiver.take(*sender.frame(2, keyframe=True))
    lost, *_ = sender.frame(2)
    receiver.take(*sender.frame(2), *sender.frame(3, keyframe=True), *sender.frame())
    assert receiver.decoded == [1, 4, 5]
    receiver.take(lost)
    assert receiver.decoded == [1, 4, 5]


def test_a_keyframe_is_asked_for_when_a_gap_is_not_filled_and_again() -> None:
    sender, receiver = Sender(), Receiver()
    receiver.take(*sender.frame(keyframe=True))
    sender.frame()
    for rounds in range(1, 4):
        receiver.take(*sender.frame())
        assert receiver.requests == rounds - 1
        receiver.now += GAP_PATIENCE
    receiver.take(*sender.frame(keyframe=True), *sender.frame())
    receiver.now += GAP_PATIENCE
    receiver.take(*sender.frame())
    assert receiver.decoded[1:] == [6, 7, 8]


def test_for_a_gap_that_nobody_fills_a_keyframe_is_asked_for_at_once() -> None:
    sender, receiver = Sender(), Receiver()
    receiver.take(*sender.frame(keyframe=True))
    sender.frame(200)
    receiver.take(*sender.frame())
    assert receiver.requests == 1


def test_what_waits_is_bounded_and_then_goes_on_with_a_keyframe_only() -> None:
    sender, receiver = Sender(), Receiver()
    receiver.take(*sender.frame(keyframe=True))
    sender.frame()
    for _ in range(MAX_PACKETS):
        receiver.take(*sender.frame(2))
    assert receiver.decoded == [1]
    assert len(receiver.whole) > MAX_PACKETS // 4
    receiver.take(*sender.frame(keyframe=True))
    assert receiver.decoded == [1, sender.frames]


def test_a_frame_larger_than_the_buffer_costs_itself_only() -> None:
    sender, receiver = Sender(), Receiver()
    receiver.take(*sender.frame(keyframe=True), *sender.frame(3 * MAX_PACKETS))
    receiver.take(*sender.frame(keyframe=True))
    assert receiver.decoded == [1, 3]


def test_a_marker_in_the_middle_of_a_frame_ends_the_trust_in_markers() -> None:
    sender, receiver = Sender(), Receiver()
    receiver.take(*sender.frame(keyframe=True))
    for _ in range(4):
        parts = sender.frame(2, keyframe=sender.frames == 3)
        parts[0].marker = 1
        receiver.take(*parts)
    receiver.take(*sender.frame())
    # The second one was cut, and nothing was decoded after it until the keyframe.
    assert receiver.decoded == [1, 2, 4, 5]


def test_padding_is_no_frame() -> None:
    sender, receiver = Sender(), Receiver()
    receiver.take(*sender.frame(2, keyframe=True), sender.packet(b""), sender.packet(b""))
    receiver.take(*sender.frame(), sender.packet(b""), *sender.frame())
    assert receiver.decoded == receiver.whole == [1, 2, 3]


def test_another_source_and_one_that_counts_anew_begin_with_a_keyframe() -> None:
    receiver = Receiver()
    receiver.take(*Sender().frame(keyframe=True))
    other = Sender(first=100, source=2)
    receiver.take(*other.frame(), *other.frame(keyframe=True), *other.frame())
    assert receiver.decoded == [1, 2, 3]
    anew = Sender(first=102 - MAX_BACKWARD_PACKETS - 5, source=2)
    anew.sequence %= 2**16
    receiver.take(*anew.frame(), *anew.frame(keyframe=True))
    assert receiver.decoded == [1, 2, 3, 2]


def test_times_of_frames_that_come_together_wrap_together() -> None:
    run = FrameRun([ReceivedFrame(b"", 2**32 - STEP, 1, True), ReceivedFrame(b"", 0, 2, True)])
    run.timestamp = 40
    assert [frame.timestamp for frame in run.frames] == [40, 40 + STEP]


def test_after_a_failure_to_decode_nothing_that_builds_on_it_is_decoded() -> None:
    sender, receiver = Sender(), Receiver()
    dropped: list[int] = []
    queue = EncodedQueue(
        lambda number, reason: dropped.append(number), lambda: 200, receiver._request, lambda: None
    )

    def put(*packets: Any) -> None:
        for packet in packets:
            _, run = receiver.buffer.add(packet)
            if run is not None:
                queue.put((VP8, run))

    put(*sender.frame(keyframe=True), *sender.frame(), *sender.frame())
    assert queue.take() is not None
    queue.failed()
    assert len(queue) == 0
    put(*sender.frame())
    assert (len(queue), dropped, receiver.requests) == (0, [2, 3, 4], 1)
    put(*sender.frame(keyframe=True), *sender.frame(), *sender.frame(keyframe=True), *sender.frame())
    assert len(queue) == 4
    assert queue.take() is not None
    queue.failed()
    # The keyframe that waits already serves.
    assert len(queue) == 2
    put(*sender.frame())
    assert len(queue) == 3


@pytest.mark.parametrize("keyframe", [True, False])
def test_a_failure_while_the_next_frame_is_put_counts_for_it(keyframe: bool) -> None:
    sender, receiver = Sender(), Receiver()
    dropped: list[int] = []
    fails = False

    def depth() -> int:
        # The decoder's thread comes in between.
        if fails:
            queue.failed()
        return 200

    queue = EncodedQueue(
        lambda number, reason: dropped.append(number), depth, receiver._request, lambda: None
    )

    def put(*packets: Any) -> None:
        for packet in packets:
            _, run = receiver.buffer.add(packet)
            if run is not None:
                queue.put((VP8, run))

    put(*sender.frame(keyframe=True))
    assert queue.take() is not None
    fails = True
    put(*sender.frame(keyframe=keyframe))
    fails = False
    put(*sender.frame())
    # Behind a keyframe all is well; without one there is nothing to build on.
    assert (len(queue), dropped) == ((2, []) if keyframe else (0, [2, 3]))


def test_a_failure_does_not_excuse_a_gap_behind_a_keyframe_that_waits() -> None:
    sender, receiver = Sender(), Receiver()
    queue = EncodedQueue(lambda number, reason: None, lambda: 200, receiver._request, lambda: None)
    frames = [ReceivedFrame(b"".join(p._data for p in sender.frame(keyframe=True)), 0, 1, False)]
    frames += [ReceivedFrame(b"".join(p._data for p in sender.frame(keyframe=True)), 1, 2, True)]
    queue.put((VP8, FrameRun(frames)))
    assert queue.take() is not None
    broken, after = (b"".join(p._data for p in sender.frame()) for _ in range(2))
    queue.put((VP8, FrameRun([ReceivedFrame(broken, 3, 4, False)])))
    queue.failed()
    queue.put((VP8, FrameRun([ReceivedFrame(after, 4, 5, True)])))
    assert len(queue) == 1, "only the keyframe that waits is decoded"


def test_the_end_is_announced_once() -> None:
    announced: list[None] = []
    queue = EncodedQueue(lambda number, reason: None, lambda: 1, lambda: None, lambda: announced.append(None))
    queue.close()
    assert queue.take() is None
    # aiortc ends its side after ours.
    queue.put(None)
    assert len(announced) == 1
