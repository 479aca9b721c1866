"""The rate of the local service's video: reports and virtual time in, a rate and pauses out."""

from itertools import pairwise

import pytest

from odyssey_anyio.local.video.rate import (
    CAREFUL_SECONDS,
    FRAME_SECONDS,
    MAX_BITS,
    MIN_BITS,
    MIN_GAP_SECONDS,
    MIN_VIDEO_BITS,
    RAISE,
    RAISE_SECONDS,
    RESENT_SHARE,
    START_BITS,
    RateController,
)

PACKET = 1000


class Sender:
    """Sends as fast as it may, or less."""

    def __init__(self) -> None:
        self.now = 100.0
        self.rate = RateController(lambda: self.now)

    def send(self, seconds: float, bits: float = START_BITS) -> float:
        """Sends so many bits a second; returns how long its packets had to wait beyond that, at the end."""
        end = self.now + seconds
        behind = 0.0
        while self.now < end:
            behind = self.rate.sent(PACKET, False) - 8 * PACKET / bits
            self.now += 8 * PACKET / bits
        return behind


@pytest.mark.parametrize(
    ("share", "bits"),
    [
        (0.0, START_BITS),
        (0.05, START_BITS),
        (0.1, START_BITS),
        (0.2, 450_000),
        (0.5, 375_000),
        (1.0, 250_000),
    ],
)
def test_a_great_share_of_loss_that_comes_twice_lowers_the_rate_by_half(share: float, bits: int) -> None:
    sender = Sender()
    sender.rate.lost(share)
    assert sender.rate.encoder_bits == START_BITS
    sender.rate.lost(share)
    assert sender.rate.encoder_bits == bits


def test_loss_that_falls_with_the_rate_lowers_it_until_it_is_gone() -> None:
    sender = Sender()
    for _ in range(20):
        sender.rate.lost(max(0.0, 1 - 200_000 / sender.rate.encoder_bits))
    assert 180_000 < sender.rate.encoder_bits < 230_000


def test_loss_that_stays_the_same_is_that_of_the_way() -> None:
    sender = Sender()
    rates: list[int] = []
    for _ in range(10):
        sender.rate.lost(0.2)
        rates.append(sender.rate.encoder_bits)
    assert rates == [START_BITS, 450_000, *[START_BITS] * 8]
    # Its packets do not wait for each other any more, and more loss than is usual counts again.
    assert sender.send(1, 1_000_000) < 0
    sender.rate.lost(0.6)
    assert sender.rate.encoder_bits == 350_000


@pytest.mark.parametrize(
    ("estimate", "bits"),
    [(10_000_000, START_BITS), (400_000, START_BITS), (350_000, 350_000), (160_000, 160_000), (1, MIN_BITS)],
)
def test_an_estimate_that_falls_well_below_what_is_sent_is_followed_at_once(estimate: int, bits: int) -> None:
    sender = Sender()
    sender.send(2)
    sender.rate.estimated(20_000_000)
    sender.rate.estimated(estimate)
    # The encoder learns it with the next report, which comes once a second.
    assert sender.rate.encoder_bits == START_BITS
    sender.rate.lost(0)
    assert sender.rate.encoder_bits == bits
    assert repr(sender.rate) == f"<RateController {bits // 1000} kbit/s>"


@pytest.mark.parametrize(
    ("sent", "estimates"),
    [(100_000, [900_000, 90_000]), (START_BITS, [300_000]), (START_BITS, [300_000, 300_000, 320_000])],
)
def test_an_estimate_says_nothing_where_little_is_sent_or_while_it_rises(
    sent: int, estimates: list[int]
) -> None:
    sender = Sender()
    sender.send(2, sent)
    for estimate in estimates:
        sender.rate.estimated(estimate)
    sender.rate.lost(0.05)
    assert sender.rate.encoder_bits == START_BITS


def test_the_rate_rises_slowly_and_only_while_it_is_used() -> None:
    sender = Sender()
    sender.send(2)
    sender.rate.lost(0.2)
    sender.rate.lost(0.2)
    lowered = sender.rate.encoder_bits
    risen: list[float] = []
    for _ in range(60):
        sender.send(1, sender.rate.encoder_bits)
        before = sender.rate.encoder_bits
        sender.rate.lost(0)
        if sender.rate.encoder_bits > before:
            assert sender.rate.encoder_bits == min(MAX_BITS, round(before * RAISE))
            risen.append(sender.now)
    assert len(risen) > 3
    assert all(after - before >= RAISE_SECONDS for before, after in pairwise(risen))
    assert sender.rate.encoder_bits > lowered
    high = sender.rate.encoder_bits
    for _ in range(60):
        sender.send(1, 50_000)
        sender.rate.lost(0)
    assert sender.rate.encoder_bits == high


def test_the_rate_rises_no_further_than_the_estimate() -> None:
    sender = Sender()
    sender.rate.estimated(550_000)
    for _ in range(12):
        sender.send(1)
        sender.rate.lost(0)
    assert sender.rate.encoder_bits == 550_000


def test_an_estimate_counts_for_what_is_sent_now_and_not_a_second_ago() -> None:
    sender = Sender()
    sender.rate.estimated(900_000)
    sender.send(1, 200_000)
    sender.send(1, 500_000)
    sender.rate.estimated(300_000)
    sender.rate.lost(0.05)
    assert sender.rate.encoder_bits == 300_000


def test_after_a_great_frame_the_next_ones_are_small_again() -> None:
    sender = Sender()
    sender.send(2)
    sender.rate.estimated(900_000)
    sender.rate.estimated(300_000)
    size, frames = 200_000, []
    for _ in range(6):
        drawn = sender.now
        for left in range(size, 0, -8 * PACKET):
            # Drawing and encoding take longer than a frame may be early.
            sender.now += max(0.0, sender.rate.sent(PACKET, left <= 8 * PACKET))
        sender.now += 2 * FRAME_SECONDS
        # An encoder has so many bits for a frame.
        size = round(300_000 * sender.rate.gap(sender.now - drawn))
        frames.append(size)
    assert max(frames) <= 300_000 * 0.15
    assert min(frames) >= 300_000 * MIN_GAP_SECONDS


def test_packets_keep_to_the_rate_once_it_fell_and_for_a_while() -> None:
    sender = Sender()
    assert sender.send(2, 1_000_000) < 0
    sender.rate.estimated(900_000)
    sender.rate.estimated(200_000)
    # Five times as much as may be sent has to wait ever longer.
    assert sender.send(1, 1_000_000) == pytest.approx(4, abs=0.2)
    sender.now += CAREFUL_SECONDS
    assert sender.send(2, 1_000_000) < 0


def test_a_burst_is_spread_in_any_case() -> None:
    sender = Sender()
    waits = [sender.rate.sent(PACKET, False) for _ in range(10)]
    assert waits == sorted(waits)
    assert 0.005 < waits[-1] < 0.02


def test_the_next_frame_may_begin_a_little_early() -> None:
    one, other = Sender(), Sender()
    assert other.rate.sent(PACKET, True) == pytest.approx(one.rate.sent(PACKET, False) - FRAME_SECONDS)


@pytest.mark.parametrize(("bits", "video"), [(300_000, 198_000), (100_000, MIN_VIDEO_BITS)])
def test_sound_is_taken_off_the_rate_and_does_not_hold_up_the_video(bits: int, video: int) -> None:
    sender = Sender()
    sender.send(2)
    sender.rate.estimated(900_000)
    # Now packets of video keep to the rate.
    sender.rate.estimated(bits)
    sender.rate.lost(0.05)
    assert sender.rate.encoder_bits == bits
    rates: list[int] = []
    for at in range(500):
        # 50 packets a second, of 100 kbit/s, with one more now and then.
        assert sender.rate.sent(250, True, paced=False) == 0
        if at % 70 == 0:
            sender.rate.sent(250, True, paced=False)
        sender.now += 0.02
        if at % 50 == 49:
            sender.rate.lost(0.05)
            rates.append(sender.rate.encoder_bits)
    assert rates == [pytest.approx(video, abs=4000)] * 10
    assert len(set(rates)) == 1, "each change costs a keyframe"
    assert sender.rate.sent(PACKET, False) == pytest.approx(8 * PACKET / bits)


def test_what_is_sent_again_is_a_share_of_the_rate() -> None:
    sender = Sender()
    resent = 0
    for _ in range(2000):
        resent += sender.rate.resend(PACKET)
        sender.now += 0.001
    assert 8 * PACKET * resent / 2 == pytest.approx(RESENT_SHARE * START_BITS, rel=0.2)


def test_what_is_sent_again_for_nothing_does_not_lower_the_rate() -> None:
    sender = Sender()
    sender.rate.estimated(900_000)
    for at in range(2000):
        # Half of what is sent is sent again.
        sender.rate.sent(PACKET, False, paced=at % 2 == 0)
        if at % 2:
            sender.rate.resend(PACKET)
        sender.now += 8 * PACKET / 600_000
    before = sender.rate.encoder_bits
    sender.rate.estimated(400_000)
    assert repr(sender.rate) == f"<RateController {START_BITS // 1000} kbit/s>"
    assert sender.rate.encoder_bits == before
