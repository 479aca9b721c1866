"""The seam to aiortc's sender: what the receiver reports reaches the rate, and the rate the encoder."""

import asyncio
from typing import Any

import pytest
from attrs import define, field

from odyssey_anyio.media import aiortc_internals
from odyssey_anyio.media.aiortc_internals import adapt_sender


@define
class Traffic:
    """Writes down what it gets."""

    encoder_bits: int = 123_000
    allows: bool = True
    wait: float = 0.0
    seen: list[tuple[str, float]] = field(factory=list)

    def sent(self, size: int, ends_frame: bool, *, paced: bool) -> float:
        self.seen.append(("paced" if paced else "sent", size))
        return self.wait

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


def test_reports_reach_the_rate_and_the_rate_reaches_the_sender() -> None:
    asyncio.run(adapt())


def test_the_sender_of_an_unknown_aiortc_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiortc_internals, "KNOWN_VERSIONS", ("0.",))
    asyncio.run(leave_alone())
