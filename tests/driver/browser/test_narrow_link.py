"""Debian's chromium as the streamer, behind a link that becomes narrow while it streams."""

import os
from collections.abc import Iterator

import pytest
from house.chromium import binary
from house.far_programs import SERVICE, FarProgram, Viewer, client_on, watching

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


@pytest.fixture(params=["asyncio", "trio"])
def viewer(request: pytest.FixtureRequest) -> Iterator[Viewer]:
    binary()
    studio = FarProgram(SERVICE, "-m", "house.far_studio", SERVICE.addresses)
    try:
        with watching(client_on(request.param), studio.link, studio.line()) as viewer:
            yield viewer
    finally:
        studio.close()
        os.close(studio.link)


def test_a_browser_sends_less_over_a_narrow_link(viewer: Viewer) -> None:
    """As our receiver reports what comes, and how late."""
    viewer.runs()
    # A browser begins with little, and finds out what the link carries.
    viewer.watch(10)
    for rate in (500_000, 250_000):
        viewer.link.become(rate=rate)
        viewer.watch(6)
        seen = viewer.watch(6)
        # One that sends more than the link carries shows a picture or two in that time.
        assert sum(each["what"] == "frame" for each in seen) > 6
    viewer.link.become()
    viewer.fresh_frame()
    viewer.is_whole()
