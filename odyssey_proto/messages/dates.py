"""
Dates in HTTP header fields (RFC 9110 section 5.6.7), in all three forms that a recipient must take.

Not by `email.utils`, which loads `socket`, takes nearly anything for a date, and no leap second.
"""

import re
from datetime import datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAMES = "|".join(_MONTHS)
_DAY = r"(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_FORMS = (
    re.compile(rf"[A-Z][a-z]{{2}}, {_DAY} (?P<month>{_NAMES}) (?P<year>\d{{4}}) {_TIME} GMT", re.ASCII),
    re.compile(rf"[A-Z][a-z]{{5,8}}, {_DAY}-(?P<month>{_NAMES})-(?P<year>\d\d) {_TIME} GMT", re.ASCII),
    re.compile(rf"[A-Z][a-z]{{2}} (?P<month>{_NAMES}) (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})", re.ASCII),
)

CENTURY = 2000
"""What years of two digits count from: a server that speaks to us lives now."""


def seconds_between(earlier: str, later: str) -> int | None:
    """Returns the whole seconds from one date to another, negative if it is earlier; `None` for no date."""
    first, second = _moment(earlier), _moment(later)
    if first is None or second is None:
        return None
    return int((second - first).total_seconds())


def unix_seconds(date: str) -> int | None:
    """Returns a date as Unix time; `None` for no date."""
    return seconds_between("Thu, 01 Jan 1970 00:00:00 GMT", date)


def _moment(text: str) -> datetime | None:
    for form in _FORMS:
        found = form.fullmatch(text.strip())
        if found is not None:
            return _made(found)
    return None


def _made(found: re.Match[str]) -> datetime | None:
    year = int(found["year"])
    # A leap second is as good as the one before it.
    second = min(int(found["second"]), 59)
    try:
        return datetime(
            year if year > 99 else CENTURY + year,
            _MONTHS.index(found["month"]) + 1,
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            second,
        )
    except ValueError:
        return None
