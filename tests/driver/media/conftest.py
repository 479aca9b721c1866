"""Engines of media that a test may reach into."""

import pytest
from house.engines import Media


@pytest.fixture
def media() -> Media:
    return Media()
