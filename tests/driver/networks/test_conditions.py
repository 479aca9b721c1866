"""
Sessions over links that are slow, lossy or gone for a while: no picture is broken, each end has its reason.

Each link is made in this process, between two network namespaces; how long things take is not judged here.
What takes long runs by `python -m pytest -m long tests/driver/networks`.
"""

from typing import Any

import pytest
from house.far_programs import Viewer
from house.link import TCP, UDP, protocol

pytestmark = pytest.mark.timeout(120)


long = pytest.mark.long


@pytest.mark.parametrize(
    "conditions",
    [
        pytest.param({"loss": 0.05}, id="loss of 5 %"),
        pytest.param({"delay": 0.15}, id="300 ms", marks=long),
        pytest.param({"delay": 0.03, "reordered": 0.1}, id="reordering of 10 %", marks=long),
        pytest.param({"loss": 0.2}, id="loss of 20 %", marks=long),
        pytest.param({"delay": 0.06, "jitter": 0.05}, id="jitter of 50 ms", marks=long),
        pytest.param({"duplicated": 1.0}, id="everything twice", marks=long),
        pytest.param({"loss": 0.05, "delay": 0.15}, id="loss of 5 % and 300 ms", marks=long),
    ],
)
def test_a_bad_link_is_borne(viewer: Viewer, conditions: dict[str, Any]) -> None:
    viewer.link.become(**conditions)
    viewer.runs()
    viewer.watch(3)
    viewer.fresh_frame()
    viewer.is_whole()
    assert [each["status"] for each in viewer.seen if each["what"] == "status"][-1] == "connected"


@pytest.mark.parametrize(
    ("conditions", "factor"),
    [
        pytest.param({"rate": 100_000}, "bandwidth", id="100 kbit/s"),
        pytest.param({"loss": 0.1}, "loss", id="loss of 10 %"),
        pytest.param({"delay": 0.1, "jitter": 0.1}, "jitter", id="jitter of 100 ms"),
    ],
)
@long
def test_what_limits_the_video_is_named(viewer: Viewer, conditions: dict[str, Any], factor: str) -> None:
    viewer.runs()
    viewer.link.become(**conditions)
    viewer.until(lambda each: each["what"] == "limited" and each["by"] == factor, f"limit by {factor}")


@long
def test_a_sender_that_has_adapted_is_limited_by_bandwidth(viewer: Viewer) -> None:
    viewer.runs()
    # Where all is well, it comes to send more than the link will carry; how much depends on the machine.
    viewer.watch(16)
    said: set[str] = set()
    for rate in (500_000, 250_000, 120_000, 60_000):
        viewer.link.become(rate=rate)
        viewer.watch(8)
        said = {each["what"] for each in viewer.seen if each.get("by") == "bandwidth"}
        if said == {"limited", "quality"}:
            break
    assert said == {"limited", "quality"}
    viewer.link.become()
    viewer.fresh_frame()
    viewer.is_whole()


@long
def test_the_service_adapts_to_a_narrow_link(viewer: Viewer) -> None:
    viewer.runs()
    viewer.link.become(rate=200_000)
    viewer.watch(6)
    seen = viewer.watch(6)
    frames = [each for each in seen if each["what"] == "frame"]
    # One that sends more than the link carries shows a picture or two in that time.
    assert len(frames) > 6
    viewer.fresh_frame()
    viewer.is_whole()


@pytest.mark.parametrize("seconds", [pytest.param(0.3, marks=long), pytest.param(1, marks=long), 2])
def test_a_short_outage_is_borne_without_a_word(viewer: Viewer, seconds: float) -> None:
    viewer.runs()
    viewer.link.become(away=True)
    viewer.watch(seconds)
    viewer.link.become()
    viewer.fresh_frame()
    viewer.is_whole()
    assert "reconnecting" not in [each.get("status") for each in viewer.seen]


@long
@pytest.mark.parametrize("seconds", [2, 5])
def test_a_slow_and_lossy_link_that_was_away_costs_no_session(recovering: Viewer, seconds: float) -> None:
    bad = {"loss": 0.05, "delay": 0.15}
    recovering.link.become(**bad)
    recovering.runs()
    recovering.link.become(away=True)
    recovering.watch(seconds)
    recovering.link.become(**bad)
    recovering.watch(10)
    recovering.fresh_frame()
    recovering.is_whole()
    assert recovering.count("restored") == 0


@long
def test_an_outage_is_reported_and_so_is_its_end(viewer: Viewer) -> None:
    viewer.runs()
    viewer.link.become(away=True)
    both = {"reconnecting", "stalled"}
    # The last packet and the last picture may be apart, and so either is said first.
    viewer.until(lambda _: both <= {each.get("status", each["what"]) for each in viewer.seen}, "outage")
    viewer.link.become()
    viewer.status("connected")
    viewer.fresh_frame()
    viewer.is_whole()


@long
def test_an_outage_of_fifteen_seconds_is_borne(viewer: Viewer) -> None:
    viewer.runs()
    viewer.link.become(away=True)
    viewer.watch(15)
    viewer.link.become()
    viewer.status("connected")
    viewer.fresh_frame()
    viewer.is_whole()


@long
def test_where_udp_stops_to_pass_the_session_ends_and_says_why(viewer: Viewer) -> None:
    viewer.runs()
    viewer.link.become(lost=lambda packet: protocol(packet) == UDP)
    viewer.status("reconnecting")
    end = viewer.until(lambda each: each["what"] == "status", "end")
    assert (end["status"], end["why"]) == (
        "failed",
        "the media connection was interrupted and did not recover",
    )
    assert viewer.count("broken picture") == 0


@long
def test_a_machine_whose_address_changes_learns_it_at_once(viewer: Viewer) -> None:
    viewer.runs()
    viewer.do("address 10.9.0.77")
    failed = viewer.status("failed")
    assert "cannot be reached" in failed["why"]
    # It was not the silence that was waited for.
    assert "reconnecting" not in [each.get("status") for each in viewer.seen]


@long
def test_after_a_long_outage_a_policy_goes_on_with_another_session(recovering: Viewer) -> None:
    recovering.runs()
    recovering.link.become(away=True)
    recovering.status("reconnecting")
    recovering.watch(30)
    recovering.link.become()
    recovering.status("connected")
    recovering.fresh_frame()
    recovering.is_whole()


@long
def test_a_connection_that_loses_large_packets_says_so(viewer: Viewer) -> None:
    viewer.link.become(lost=lambda packet: protocol(packet) == TCP and len(packet) > 1200)
    error = viewer.until(lambda each: each["what"] == "error", "error")
    assert "a ping was not answered" in error["text"]
    assert "bytes had come until then" in error["text"]
