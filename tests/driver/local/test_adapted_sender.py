"""The seam to aiortc's sender: what the receiver reports reaches the rate, and the rate the encoder."""

import asyncio
from fractions import Fraction
from typing import Any

import pytest
from attrs import define, field

from odyssey_anyio.local.video.rate import RateController
from odyssey_anyio.media import aiortc_internals
from odyssey_anyio.media.aiortc_internals import adapt_sender
from odyssey_anyio.media.even_gaps import even_gaps


@define
class Traffic:
    """Writes down what it gets."""

    encoder_bits: int = 123_000
    allows: bool = True
    wait: float = 0.0
    waited: float = 0.0
    seen: list[tuple[str, float]] = field(factory=list)

    def sent(self, size: int, ends_frame: bool, *, paced: bool) -> float:
        self.seen.append(("paced" if paced else "sent", size))
        return self.wait

    def gap(self, seconds: float) -> float:
        return seconds - self.waited

    def resend(self, size: int) -> bool:
        return self.allows

    def lost(self, share: float) -> None:
        self.seen.append(("lost", share))

    def estimated(self, bits: int) -> None:
        self.seen.append(("estimated", bits))


def sender_of(pc: Any) -> Any:
    """Returns a sender of video that has not begun, and sends into a list."""
    sender = pc.addTransceiver("video").sender
    sender.packets = []

    async def send(data: bytes) -> None:
        sender.packets.append(data)

    sender.transport._send_rtp = send
    return sender


def report(source: int, lost: int) -> Any:
    from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket

    numbers = {"packets_lost": 1, "highest_sequence": 1, "jitter": 0, "lsr": 0, "dlsr": 0}
    return RtcpRrPacket(ssrc=1, reports=[RtcpReceiverInfo(ssrc=source, fraction_lost=lost, **numbers)])


def estimate(fci: bytes) -> Any:
    from aiortc.rtp import RTCP_PSFB_APP, RtcpPsfbPacket

    return RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=fci)


async def adapt() -> None:
    from aiortc import RTCPeerConnection
    from aiortc.codecs.vpx import Vp8Encoder
    from aiortc.rtp import RTCP_RTPFB_NACK, RtcpRtpfbPacket, RtpPacket, pack_remb_fci

    pc, traffic = RTCPeerConnection(), Traffic()
    sender = sender_of(pc)
    assert adapt_sender(sender, traffic)
    handle = sender._handle_rtcp_packet
    # Before there is an encoder, and for another source.
    await handle(report(sender._ssrc + 1, 64))
    await handle(estimate(pack_remb_fci(400_000, [sender._ssrc + 1])))
    await handle(estimate(b"REM"))
    assert traffic.seen == []

    encoder = sender._RTCRtpSender__encoder = Vp8Encoder()
    await handle(report(sender._ssrc, 64))
    await handle(estimate(pack_remb_fci(400_000, [sender._ssrc])))
    assert traffic.seen == [("lost", 0.25), ("estimated", 400_000)]
    # Below what the encoder takes by itself, and instead of the estimate.
    assert encoder.target_bitrate == 123_000

    traffic.seen.clear()
    packet = RtpPacket(sequence_number=7, payload=b"media")
    sender._RTCRtpSender__rtp_history[7] = packet
    lost = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=1, media_ssrc=sender._ssrc, lost=[7])
    traffic.wait = 1000.0
    # What is sent again is no packet of the sender's own task, so it does not wait.
    await handle(lost)
    assert [what for what, _ in traffic.seen] == ["sent"]
    assert len(sender.packets) == 1
    traffic.allows = False
    await handle(lost)
    assert len(sender.packets) == 1

    own = asyncio.create_task(sender.transport._send_rtp(b"media"))
    sender._RTCRtpSender__rtp_task = own
    await asyncio.sleep(0)
    assert len(sender.packets) == 2
    assert not own.done()
    assert traffic.seen[-1] == ("paced", 5)
    own.cancel()
    sender._RTCRtpSender__rtp_task = None
    await pc.close()


async def leave_alone() -> None:
    from aiortc import RTCPeerConnection

    pc = RTCPeerConnection()
    sender = sender_of(pc)
    handle, send = sender._handle_rtcp_packet, sender.transport._send_rtp
    assert not adapt_sender(sender, Traffic())
    assert sender._handle_rtcp_packet == handle
    assert sender.transport._send_rtp is send
    await pc.close()


async def encode() -> None:
    """With the sender and the encoder of aiortc."""
    from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters
    from av import VideoFrame

    frames: list[Any] = []

    class Pictures(MediaStreamTrack):
        kind = "video"

        async def recv(self) -> Any:
            frames.append(VideoFrame(64, 64, "yuv420p"))
            frames[-1].pts, frames[-1].time_base = 45_000 * len(frames), Fraction(1, 90_000)
            return frames[-1]

    pc, traffic = RTCPeerConnection(), Traffic()
    sender: Any = pc.addTrack(Pictures())
    sender.transport._send_rtp = asyncio.sleep
    assert adapt_sender(sender, traffic)
    codec = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90_000, payloadType=96)
    sent: list[int] = []
    for waited in (0.0, 0.0, 0.4, 0.0):
        traffic.waited = waited
        sent.append((await sender._next_encoded_frame(codec)).timestamp)
    # What is sent has the time of the picture, and whoever shares that finds it as it was.
    assert sent == [45_000, 90_000, 135_000, 180_000]
    assert [frame.time for frame in frames] == [0.5, 1.0, 1.5, 2.0]
    await pc.close()


def test_an_encoder_learns_nothing_of_the_time_that_packets_waited() -> None:
    from av import VideoFrame

    seen: list[float] = []

    def take(frame: Any, _: bool) -> tuple[list[bytes], int]:
        seen.append(frame.time)
        return [b""], round(frame.time * 90_000)

    traffic = Traffic()
    evenly = even_gaps(take, traffic.gap)
    for at, waited in enumerate([0.0, 0.0, 0.4, 0.0]):
        frame = VideoFrame(32, 32, "yuv420p")
        # As an encoder leaves it that was given the same frame before.
        ticks = 1000 if at % 2 else 90_000
        frame.pts, frame.time_base = at * ticks // 2, Fraction(1, ticks)
        traffic.waited = waited
        assert evenly(frame) == ([b""], 45_000 * at)
    # A little longer after the wait, to catch up.
    assert seen == pytest.approx([0.0, 0.5, 0.6, 1.125])
    asyncio.run(encode())


@pytest.mark.parametrize("rate", [24, 30, 60])
def test_no_frame_is_copied_without_a_wait_nor_long_after_one(rate: int) -> None:
    from av import VideoFrame

    given: list[Any] = []

    def take(frame: Any, _: bool) -> tuple[list[bytes], int]:
        given.append(frame)
        return [b""], round(frame.time * 90_000)

    now = 0.0
    controller = RateController(lambda: now)
    evenly = even_gaps(take, controller.gap)
    copied: list[float] = []
    for number in range(20 * rate):
        now += 1 / rate
        if number == 3 * rate:
            # The line is full, and a large frame waits for it.
            controller.lost(0.5)
            controller.lost(0.5)
            now += controller.sent(20_000, ends_frame=False)
        frame = VideoFrame(32, 32, "yuv420p")
        frame.pts, frame.time_base = round(now * 90_000), Fraction(1, 90_000)
        evenly(frame)
        if given[-1] is not frame:
            copied.append(now)
    # As many pictures as it takes to catch up with less than half a second.
    assert 3 < copied[0] < 4
    assert copied[-1] < 14
    assert len(copied) == pytest.approx((copied[-1] - copied[0]) * rate + 1)
    # In the end the encoder has the time of the pictures.
    assert given[-1].time == pytest.approx(now, abs=1e-4)


def test_reports_reach_the_rate_and_the_rate_reaches_the_sender() -> None:
    asyncio.run(adapt())


def test_the_sender_of_an_unknown_aiortc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiortc_internals, "KNOWN_VERSIONS", ("0.",))
    asyncio.run(leave_alone())
