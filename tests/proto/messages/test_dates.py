"""A Retry-After that is a date, counted from the date of the reply (RFC 9110 sections 5.6.7 and 10.2.3)."""

import pytest

from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages.dates import seconds_between
from odyssey_proto.messages.refusals import refusal
from odyssey_proto.seam.http import HttpReply

NOW = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("later", "wait"),
    [
        (NOW, 0),
        ("Sun, 06 Nov 1994 08:50:07 GMT", 30),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 86_400),
        ("Sun, 06 Nov 1994 08:49:07 GMT", -30),
        ("Sun Nov  6 08:50:07 1994", 30),
        (" Sun, 06 Nov 1994 08:50:60 GMT ", 82),
        ("Thu, 29 Feb 1996 00:00:00 GMT", 41_440_223),
        ("Wed, 29 Feb 1995 00:00:00 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("Sun, 00 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Foo 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 CET", None),
        ("sun, 06 nov 1994 08:49:37 gmt", None),
        ("Sun, ٠٦ Nov 1994 08:49:37 GMT", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_how_far_a_date_is_away(later: str, wait: int | None) -> None:
    assert seconds_between(NOW, later) == wait
    assert seconds_between(later, NOW) == (None if wait is None else -wait)


def test_years_of_two_digits_are_of_now() -> None:
    assert seconds_between("Sun, 06 Nov 2094 08:49:37 GMT", "Saturday, 06-Nov-94 08:50:07 GMT") == 30


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ((("date", NOW), ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")), seconds(30)),
        ((("date", NOW), ("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT")), 0),
        ((("date", NOW), ("retry-after", "Sun, 06 Nov 2994 08:49:07 GMT")), None),
        ((("date", NOW), ("retry-after", "soon")), None),
        ((("date", "now"), ("retry-after", NOW)), None),
        ((("retry-after", NOW),), None),
        ((("date", NOW), ("retry-after", "7")), seconds(7)),
    ],
)
def test_the_wait_that_is_asked_for(headers: tuple[tuple[str, str], ...], wait: int | None) -> None:
    assert refusal(HttpReply(503, headers), "x").retry_after == wait
