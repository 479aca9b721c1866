"""Lists that come in pages."""

from collections.abc import Mapping

from attrs import field, frozen

from odyssey_proto.model.validators import unless_none, whole

USUAL = 50
"""How much of a list is given unless more or less is asked for (docs/protocol.md#list-of-recordings)."""

MAX_PAGE_ITEMS = 100
"""The largest page (docs/protocol.md#list-of-recordings, #simulations)."""


@frozen
class Page:
    """Which part of a list is wanted; `None` leaves it to the service."""

    limit: int | None = field(default=None, validator=unless_none(whole(1, MAX_PAGE_ITEMS)))
    offset: int | None = field(default=None, validator=unless_none(whole(0)))


def page_query(page: Page) -> dict[str, str]:
    """Returns the query that asks for a page."""
    wanted = {"limit": page.limit, "offset": page.offset}
    return {name: str(value) for name, value in wanted.items() if value is not None}


def read_page(query: Mapping[str, str]) -> Page:
    """Returns the page that a query asks for; raises `ValueError` if there is no such page."""
    return Page(_whole(query, "limit"), _whole(query, "offset"))


def _whole(query: Mapping[str, str], name: str) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 15):
        raise ValueError(f"{name} is not a whole number")
    return int(value)
