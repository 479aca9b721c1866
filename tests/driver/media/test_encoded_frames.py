"""Frames before they are decoded: few, the newest wins, none too large, and nothing after leaving."""

import logging
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from house.video_pair import (
    PEER,
    Decoder,
    adds_up,
    decoder_in_hand,
    encoded,
    picture,
    until,
    video_pair,
)

from odyssey_anyio.errors.classes import OdysseyStreamError
from odyssey_anyio.media import aiortc_internals
from odyssey_anyio.media.delivery import Bounded, Lossless, Newest, Policy
from odyssey_anyio.media.encoded_queue import MIN_WAITING_FRAMES, EncodedQueue
from odyssey_proto.seam.outputs import AskKeyframe, DropPeer

pytestmark = pytest.mark.anyio

TOO_MANY = 3 * MIN_WAITING_FRAMES

HUGE = bytes([0x10, 0, 0]) + b"\x9d\x01\x2a" + (16_000).to_bytes(2, "little") * 2 + bytes(2_000)
"""A keyframe of VP8 that announces 16000 x 16000 pixels (RFC 6386 section 9.1)."""


@pytest.fixture
def decoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoder]:
    with decoder_in_hand(monkeypatch) as decoder:
        yield decoder


@pytest.mark.parametrize("policy", [Newest(), Bounded(2 * MIN_WAITING_FRAMES)])
async def test_a_decoder_that_is_too_slow_skips_to_the_newest_frame(
    decoder: Decoder, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoder makes no keyframe by itself: that one comes shows that it was asked for."""
    bound = max(MIN_WAITING_FRAMES, 2 * MIN_WAITING_FRAMES if policy != Newest() else 0)
    put = EncodedQueue.put
    longest = 0

    def noted(queue: EncodedQueue, encoded: Any) -> None:
        """Looks after each frame, for many may come at once on a busy machine."""
        nonlocal longest
        put(queue, encoded)
        longest = max(longest, len(queue))

    monkeypatch.setattr(EncodedQueue, "put", noted)
    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, policy)
        await pair.send_until(lambda: frames.account.received > 2, picture)
        decoder.stop()
        await pair.send_until(lambda: frames.account.dropped.get("undecoded", 0) > bound, picture)
        assert MIN_WAITING_FRAMES <= longest <= bound
        before = len(decoder.frames)
        decoder.go_on()
        received = frames.account.received
        await pair.send_until(lambda: len(decoder.frames) > before + 2, picture)
        # What waited was dropped, so that the next to be decoded is the keyframe that was asked for.
        assert decoder.frames[before][0] & 1 == 0
        await pair.send_until(lambda: frames.account.received > received, picture)
        assert adds_up(frames)
        assert pair.failures() == []


async def test_every_frame_or_an_error_also_when_one_is_not_decoded(decoder: Decoder) -> None:
    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, Lossless(2 * MIN_WAITING_FRAMES))
        await pair.send_until(lambda: frames.account.received > 2, picture)
        decoder.stop()
        await pair.send_until(lambda: bool(frames.account.dropped), picture)
        assert set(frames.account.dropped) == {"undecoded"}
        assert adds_up(frames)
        for _ in range(frames.account.pending):
            await anext(frames)
        with pytest.raises(OdysseyStreamError, match="faster"):
            await anext(frames)


async def test_keyframes_that_come_faster_than_they_are_decoded_replace_each_other(decoder: Decoder) -> None:
    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, Newest())

        def replaced() -> int:
            return frames.account.dropped.get("undecoded", 0)

        async def waits(number: int) -> None:
            await until(lambda: replaced() + len(pair.queue) == number)

        keyframe = encoded("libvpx", 320, 240)
        decoder.stop()
        pair.send(*keyframe)
        await until(lambda: len(decoder.frames) == 1)
        for number in range(TOO_MANY):
            pair.send(*keyframe)
            await waits(number + 1)
        assert (len(pair.queue), replaced()) == (1, TOO_MANY - 1)
        decoder.go_on()
        await until(lambda: len(decoder.frames) == 2)
        assert len(pair.queue) == 0
        assert adds_up(frames)


@pytest.mark.parametrize("how", ["dropped", "closed"])
async def test_nothing_is_decoded_after_leaving(decoder: Decoder, how: str) -> None:
    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, Bounded(TOO_MANY))
        await pair.send_until(lambda: frames.account.received > 2, picture)
        decoder.stop()
        queue = pair.queue
        await pair.send_until(lambda: len(queue) >= MIN_WAITING_FRAMES, picture)
        begun = len(decoder.frames)

        async with anyio.create_task_group() as group:
            if how == "dropped":
                pair.receiver.order(DropPeer(PEER))
            else:
                group.start_soon(pair.receiver.aclose)
            await until(lambda: queue.closed)
            assert len(queue) == 0
            decoder.go_on()
        await pair.receiver.aclose()
        assert len(decoder.frames) == begun
        assert frames.account.dropped["closed"] >= MIN_WAITING_FRAMES
        assert adds_up(frames)


async def test_a_picture_that_is_too_large_is_not_decoded(
    decoder: Decoder, caplog: pytest.LogCaptureFixture
) -> None:
    import av

    good = encoded("libvpx", 320, 240)
    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, Bounded(50))
        pair.send(*good, av.Packet(HUGE), av.Packet(HUGE), *encoded("libvpx", 320, 240, 3))
        await until(lambda: len(decoder.frames) == 4)
        await until(lambda: frames.account.pending == 4)
        assert frames.account.dropped == {"too_large": 2}
        assert adds_up(frames)
        assert not any(HUGE in data for data in decoder.frames)
        assert pair.failures() == []
    [logged] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert logged == "pictures of 16000 x 16000 are not decoded: the largest may have 8294400 pixels"


@pytest.mark.parametrize(("max_pixels", "decoded"), [(320 * 240, 4), (320 * 240 - 1, 0)])
async def test_the_largest_picture_can_be_chosen(decoder: Decoder, max_pixels: int, decoded: int) -> None:
    async with video_pair(max_pixels) as pair:
        frames = pair.receiver.frames(PEER, Bounded(50))
        pair.send(*encoded("libvpx", 320, 240, 4))
        await until(lambda: frames.account.received == 4)
        assert len(decoder.frames) == decoded
        # What builds on a picture that was refused cannot be decoded either.
        assert frames.account.dropped == ({} if decoded else {"too_large": 1, "undecoded": 3})


async def test_an_unknown_aiortc_is_left_alone(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the bound on what waits, but with frames, a keyframe request and a close."""
    monkeypatch.setattr(aiortc_internals, "KNOWN_VERSIONS", ("0.",))
    monkeypatch.setattr(aiortc_internals, "_unknown_versions", set())
    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, Bounded(TOO_MANY))
        await pair.send_until(lambda: frames.account.received > 2, picture)
        assert (await anext(frames)).width == 320
        pair.receiver.order(AskKeyframe(PEER))
        await pair.send_until(lambda: frames.account.received > 4, picture)
        assert len(pair.queue) == 0
        assert adds_up(frames)
        assert pair.failures() == []
    [logged] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "is not one of the versions that are known" in logged


@pytest.mark.parametrize("known", [True, False])
async def test_a_reader_gets_no_frame_that_began_before_it(
    known: bool, decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An aiortc that is unknown holds the last frame before a pause until the next one comes."""
    if not known:
        monkeypatch.setattr(aiortc_internals, "KNOWN_VERSIONS", ("0.",))
    landscape, portrait = (lambda: picture(320, 160)), (lambda: picture(160, 320))
    async with video_pair() as pair:
        before = pair.receiver.frames(PEER, Newest())
        await pair.send_until(lambda: before.account.received > 3, landscape)
        await anyio.sleep(0.5)
        frames = pair.receiver.frames(PEER, Bounded(50))
        await pair.send_until(lambda: frames.account.received >= 4, portrait)
        sizes = [((await anext(frames)).width) for _ in range(4)]
        assert sizes == [160] * 4
