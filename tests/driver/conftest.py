"""Fixtures of all tests of drivers."""

from collections.abc import Iterator

import pytest
from house.addresses import offer_loopback


@pytest.fixture(autouse=True, scope="session")
def addresses() -> Iterator[None]:
    """This machine has an address, if only loopback."""
    with pytest.MonkeyPatch.context() as patch:
        offer_loopback(patch)
        yield
