"""What limits a video is named, from the packets that came."""

from types import SimpleNamespace
from typing import Any

import pytest

from odyssey_anyio.media.link_figures import LinkFigures
from odyssey_anyio.media.link_meter import LinkMeter
from odyssey_proto.model.quality import LimitingFactor

BANDWIDTH, LOSS, JITTER, LINK, STREAMER, DECODER, APPLICATION = LimitingFactor


@pytest.mark.parametrize(
    ("figures", "factor"),
    [
        (LinkFigures(), None),
        (LinkFigures(59, 59, 0.019, 0.09, 0.9), None),
        (LinkFigures(queue_ms=60), BANDWIDTH),
        (LinkFigures(loss=0.02), LOSS),
        (LinkFigures(jitter_ms=60), JITTER),
        (LinkFigures(silence=1, reports=True), STREAMER),
        (LinkFigures(silence=1.9), None),
        (LinkFigures(silence=2), LINK),
        (LinkFigures(reduced=True, jitter_ms=100, loss=0.3), BANDWIDTH),
        (LinkFigures(unread=0.25), APPLICATION),
        (LinkFigures(unread=0.9, undecoded=0.1), DECODER),
        (LinkFigures(undecoded=0.1), DECODER),
        (LinkFigures(queue_ms=400, jitter_ms=100, loss=0.3, undecoded=0.5), BANDWIDTH),
        (LinkFigures(jitter_ms=100, loss=0.3, undecoded=0.5), JITTER),
        (LinkFigures(loss=0.3, undecoded=0.5), LOSS),
        (LinkFigures(queue_ms=400, silence=2, reports=True), STREAMER),
    ],
)
def test_each_cause_has_its_name(figures: LinkFigures, factor: LimitingFactor | None) -> None:
    assert figures.limiting_factor is factor


class Sender:
    """Sends packets to a meter, one each 10 ms; `way` is how long each takes, in seconds."""

    def __init__(self) -> None:
        self.now = 63.0
        self.meter = LinkMeter(lambda: self.now)
        self.number = 0xFFF0

    def send(
        self, way: float = 0.02, *, lost: bool = False, source: int = 1, timed: bool = True, size: int = 1000
    ) -> Any:
        """Sends one packet, unless it gets lost."""
        sent = self.now
        self.now += 0.01
        number, self.number = self.number, self.number + 1
        packet = SimpleNamespace(
            sequence_number=number % 0x10000,
            timestamp=number // 4,
            ssrc=source,
            payload=b"x" * size,
            extensions=SimpleNamespace(abs_send_time=int((sent - way) % 64 * 2**18) if timed else None),
        )
        if not lost:
            self.meter.take(packet)
        return packet


def test_a_good_link_limits_nothing_also_when_the_time_of_sending_begins_anew() -> None:
    sender = Sender()
    for _ in range(300):
        sender.send()
    figures = sender.meter.figures()
    assert (figures.queue_ms, figures.jitter_ms, figures.loss) == (0, 0, 0)
    assert figures.frame_rate == pytest.approx(25, abs=1), "four packets each"
    assert figures.limiting_factor is None
    assert "queue_ms=0" in repr(sender.meter)


def test_what_stands_in_line_is_a_lack_of_bandwidth() -> None:
    sender = Sender()
    for at in range(400):
        sender.send(0.02 + min(at, 100) / 1000)
    assert sender.meter.figures().queue_ms == pytest.approx(100, abs=1)
    assert sender.meter.figures().limiting_factor is BANDWIDTH


def test_a_longer_route_is_no_line_for_long() -> None:
    sender = Sender()
    sender.send()
    for _ in range(400):
        sender.send(0.1)
    assert sender.meter.figures().limiting_factor is BANDWIDTH
    for _ in range(400):
        sender.send(0.1)
    assert sender.meter.figures().limiting_factor is None


@pytest.mark.parametrize("before", [100, 2850, 2950])
def test_a_line_that_varies_is_one_while_it_stands_and_is_taken_for_the_way_after_minutes(
    before: int,
) -> None:
    sender = Sender()
    for _ in range(before):
        sender.send()
    seen: set[LimitingFactor | None] = set()
    for at in range(29_900):
        sender.send(0.3 + at % 4 / 100)
        if at >= 200 and at % 50 == 0:
            seen.add(sender.meter.figures().limiting_factor)
    assert seen == {BANDWIDTH}
    for at in range(400):
        sender.send(0.3 + at % 4 / 100)
    assert sender.meter.figures().queue_ms == 0


def test_after_a_line_a_shorter_way_is_forgotten_in_half_a_minute_again() -> None:
    sender = Sender()
    sender.send()
    for at in range(300):
        sender.send(0.1 + at % 4 / 100)
    # This is too little for a line, and not even.
    for at in range(3300):
        sender.send(0.05 + at % 4 / 100)
    assert sender.meter.figures().queue_ms == 0


def test_another_source_has_another_clock_and_nothing_before_it() -> None:
    sender = Sender()
    for _ in range(600):
        sender.send()
    for _ in range(800):
        sender.send(1.02, source=2, size=300)
        assert sender.meter.figures().limiting_factor is None


def test_a_calmer_scene_after_a_short_line_is_no_lack_of_bandwidth_for_long() -> None:
    sender = Sender()
    for at in range(2000):
        sender.send(0.12 if 1000 < at < 1100 else 0.02, size=1000 if at < 1300 else 250)
        if at > 1650:
            assert sender.meter.figures().limiting_factor is None


def test_who_has_adapted_to_a_line_is_limited_by_it_until_as_much_comes_again() -> None:
    """Or for a few seconds: what is sent then may as well be a calmer scene."""
    sender = Sender()
    for _ in range(300):
        sender.send()
    for at in range(200):
        sender.send(0.02 + min(at, 100) / 1000)
    assert sender.meter.figures().queue_ms == pytest.approx(100, abs=1)
    for _ in range(400):
        sender.send(size=400)
    figures = sender.meter.figures()
    assert (figures.queue_ms, figures.kbits, figures.reduced) == (0, pytest.approx(320, rel=0.02), True)
    assert figures.limiting_factor is BANDWIDTH
    for _ in range(400):
        sender.send(size=900)
    assert sender.meter.figures().limiting_factor is None
    # What was forgotten does not come back.
    for _ in range(400):
        sender.send(size=400)
    assert sender.meter.figures().limiting_factor is None


def test_what_came_before_a_line_is_forgotten_after_seconds() -> None:
    sender = Sender()
    for _ in range(300):
        sender.send()
    for _ in range(200):
        sender.send(0.2)
    for _ in range(450):
        sender.send(size=400)
    assert sender.meter.figures().limiting_factor is BANDWIDTH
    for _ in range(150):
        sender.send(size=400)
    assert sender.meter.figures().limiting_factor is None


def test_what_varies_is_jitter() -> None:
    sender = Sender()
    for at in range(400):
        sender.send(0.02 + at % 10 / 50)
    assert sender.meter.figures().limiting_factor is JITTER


def test_what_is_lost_counts_once_whether_it_is_sent_again_or_not_and_what_is_reordered_does_not() -> None:
    sender = Sender()
    held: list[Any] = []
    for at in range(200):
        packet = sender.send(lost=at % 10 == 5)
        if at % 10 == 5:
            held.append(packet)
        if at % 20 == 10 and held:
            sender.meter.take(held.pop())
    assert sender.meter.figures().loss == pytest.approx(0.09, abs=0.02)
    sender = Sender()
    for _ in range(100):
        late = sender.send(lost=True)
        sender.send()
        sender.meter.take(late)
    assert sender.meter.figures().loss == 0


def test_silence_and_what_is_not_decoded() -> None:
    sender = Sender()
    assert sender.meter.figures() == LinkFigures()
    for _ in range(80):
        sender.send(timed=False)
    for _ in range(5):
        sender.meter.undecoded()
    assert sender.meter.figures().limiting_factor is DECODER
    sender.meter.reported()
    sender.now += 1.5
    assert sender.meter.figures().limiting_factor is None
    sender.meter.reported()
    assert sender.meter.figures().limiting_factor is STREAMER
    sender.now += 5
    assert sender.meter.figures() == LinkFigures(silence=6.5, reports=True)
    sender.send(source=2)
    assert sender.meter.figures().loss == 0


def test_silence_without_a_report_is_the_links() -> None:
    sender = Sender()
    sender.send()
    sender.meter.reported()
    sender.now += 2
    assert sender.meter.figures().limiting_factor is LINK


def test_what_is_not_read_in_time_is_the_applications() -> None:
    sender = Sender()
    for _ in range(80):
        sender.send()
    for _ in range(5):
        sender.meter.unread()
    assert sender.meter.figures().unread == 0.25
    assert sender.meter.figures().limiting_factor is APPLICATION
