"""Packets of real video are lost on the way: what is shown is what was sent, whole, or nothing new."""

import hashlib
import random
import threading
from typing import Any

import numpy as np
import pytest
from house.video_pair import PEER, RATE, picture, video_pair

from odyssey_anyio.media.delivery import Bounded

pytestmark = pytest.mark.anyio

SHOWN = 45
"""How many pictures are looked at."""


class Encoders:
    """Decodes whatever is encoded, without a loss, and keeps what that looks like."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from aiortc.codecs.vpx import Vp8Decoder, Vp8Encoder
        from aiortc.jitterbuffer import JitterFrame

        self.pictures: set[bytes] = set()
        decoder = Vp8Decoder()
        lock = threading.Lock()
        real = Vp8Encoder.encode

        def encode(encoder: Any, frame: Any, force_keyframe: bool = False) -> Any:
            payloads, timestamp = real(encoder, frame, force_keyframe)
            data = b"".join(_without_descriptor(payload) for payload in payloads)
            with lock:
                for decoded in decoder.decode(JitterFrame(data, timestamp)):
                    self.pictures.add(_digest(decoded.to_ndarray()))
            return payloads, timestamp

        monkeypatch.setattr(Vp8Encoder, "encode", encode)


def _without_descriptor(payload: bytes) -> bytes:
    from aiortc.codecs import vpx

    return payload[len(payload) - len(vpx.VpxPayloadDescriptor.parse(payload)[1]) :]


def _digest(planes: Any) -> bytes:
    return hashlib.sha256(planes.tobytes()).digest()


def lose_packets(monkeypatch: pytest.MonkeyPatch, share: float, burst: int) -> list[int]:
    """Loses a share of all packets of video, so many in a row; the list gets the number of each."""
    from aiortc.rtcrtpreceiver import RTCRtpReceiver

    chance = random.Random(12)
    lost: list[int] = []
    left = 0
    real = RTCRtpReceiver._handle_rtp_packet

    async def handle(receiver: Any, packet: Any, arrival_time_ms: int) -> None:
        nonlocal left
        if not left and chance.random() < share / burst:
            left = burst
        if left:
            left -= 1
            lost.append(packet.sequence_number)
            return
        await real(receiver, packet, arrival_time_ms)

    monkeypatch.setattr(RTCRtpReceiver, "_handle_rtp_packet", handle)
    return lost


@pytest.mark.parametrize(
    ("share", "burst"), [(0.05, 1), pytest.param(0.2, 40, marks=pytest.mark.long), (0.4, 200)]
)
async def test_no_picture_is_shown_that_was_not_sent_so(
    share: float, burst: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoding is exact, so each picture is one that the sender's own decoder made, to the bit."""
    encoders = Encoders(monkeypatch)
    lost = lose_packets(monkeypatch, share, burst)
    noise = picture().to_ndarray()
    sent = 0

    def moved() -> Any:
        nonlocal sent
        sent += 1
        return type(picture()).from_ndarray(np.roll(noise, 3 * sent, axis=1), format="yuv420p")

    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, Bounded(SHOWN))
        await pair.send_until(lambda: frames.account.pending == SHOWN and len(lost) > burst, moved)
        shown = [_digest((await anext(frames))._source.to_ndarray()) for _ in range(SHOWN)]
        assert pair.failures() == []
    assert set(shown) <= encoders.pictures
    assert len(set(shown)) > SHOWN / 2
    assert sent < 40 * RATE


@pytest.mark.parametrize("burst", [1, 5])
async def test_what_was_sent_again_and_lost_again_is_asked_for_once_more(
    burst: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the video goes on without a keyframe, and nothing of it is lost."""
    from aiortc.rtcrtpreceiver import RTCRtpReceiver

    # On a busy machine a repeat may take longer than anybody waits for it, or keeps what was sent.
    monkeypatch.setattr("odyssey_anyio.media.packet_buffer.GAP_PATIENCE", 60.0)
    monkeypatch.setattr("odyssey_anyio.media.packet_buffer.MAX_PACKETS", 30_000)
    monkeypatch.setattr("odyssey_anyio.media.encoded_queue.MAX_WAITING_FRAMES", 1000)
    monkeypatch.setattr("odyssey_anyio.media.missing_packets.GIVE_UP_SECONDS", 60.0)
    monkeypatch.setattr("aiortc.rtcrtpsender.RTP_HISTORY_SIZE", 30_000)
    arrivals: dict[int, int] = {}
    chosen: list[int] = []
    requests: list[int] = []
    runs = threading.Event()
    real, ask = RTCRtpReceiver._handle_rtp_packet, RTCRtpReceiver._send_rtcp_pli

    async def handle(receiver: Any, packet: Any, arrival_time_ms: int) -> None:
        repeated = packet.payload_type == 98
        number = int.from_bytes(packet.payload[:2]) if repeated else packet.sequence_number
        if not repeated and runs.is_set() and len(arrivals) > 100 and len(chosen) < burst:
            chosen.append(number)
            requests.clear()
        arrivals[number] = arrivals.get(number, 0) + 1
        # The first time and the first repeat.
        if number in chosen and arrivals[number] <= 2:
            return
        await real(receiver, packet, arrival_time_ms)

    async def ask_for_keyframe(receiver: Any, source: int) -> None:
        requests.append(source)
        await ask(receiver, source)

    monkeypatch.setattr(RTCRtpReceiver, "_handle_rtp_packet", handle)
    monkeypatch.setattr(RTCRtpReceiver, "_send_rtcp_pli", ask_for_keyframe)
    async with video_pair() as pair:
        frames = pair.receiver.frames(PEER, Bounded(1000))

        def repaired() -> bool:
            return len(chosen) == burst and all(arrivals[number] > 2 for number in chosen)

        # A picture that comes late at the beginning may be asked for twice.
        await pair.send_until(lambda: frames.account.received > 9, picture)
        runs.set()
        await pair.send_until(repaired, picture)
        received = frames.account.received
        await pair.send_until(lambda: frames.account.received > received + 2, picture)
        assert not frames.account.dropped
        assert requests == []
        assert pair.failures() == []
