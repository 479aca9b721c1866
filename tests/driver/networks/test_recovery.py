"""
A session that a network or a service takes away on the way, and that is replaced by the default policy.

docs/reliability.toml has the seconds without picture that each costs; `--log-cli-level INFO` shows them.
"""

import logging

import pytest
from house.far_programs import Service, Viewer
from house.link import flow

pytestmark = pytest.mark.timeout(180)

long = pytest.mark.long

logger = logging.getLogger(__name__)


def is_restored(viewer: Viewer) -> float:
    """Waits until a lost session is replaced; returns the seconds without picture."""
    seconds: float = viewer.until(lambda each: each["what"] == "restored", "recovery")["seconds"]
    viewer.fresh_frame()
    viewer.is_whole()
    logger.info("%.1f s without picture", seconds)
    return seconds


@long
@pytest.mark.parametrize("away", [0.5, 20])
def test_a_service_that_restarts_costs_a_session(service: Service, recovering: Viewer, away: float) -> None:
    recovering.runs()
    service.restart(away)
    is_restored(recovering)


def test_a_change_of_address_waits_for_no_connection_from_before(recovering: Viewer) -> None:
    recovering.runs()
    recovering.do("address 10.9.0.77")
    # A connection that leads nowhere is waited for as long as `Timeouts.prepare`.
    assert is_restored(recovering) < 15


@long
def test_a_link_that_is_away_for_a_minute_costs_a_session(recovering: Viewer) -> None:
    recovering.runs()
    recovering.link.become(away=True)
    recovering.watch(60)
    recovering.link.become()
    # Counted from the last report of frames, a second ago at most; the next attempt may be half a minute off.
    assert 58 < is_restored(recovering) < 60 + 30 + 15


def forgets(viewer: Viewer) -> None:
    """Lets a stream run, and then a NAT forget all connections: nothing comes by those that there are."""
    flows = set()
    viewer.link.become(lost=lambda packet: flows.add(flow(packet)) is not None)
    viewer.runs()
    forgotten = frozenset(flows)
    viewer.link.become(lost=lambda packet: flow(packet) in forgotten)


def test_a_nat_that_forgets_costs_a_session(recovering: Viewer) -> None:
    forgets(recovering)
    lost = recovering.until(lambda each: "attempt 1" in str(each.get("why")), "loss")
    assert "a new one works" in lost["why"], "no ping was waited for, which takes 25 seconds"
    is_restored(recovering)


@long
def test_without_a_policy_a_nat_that_forgets_is_the_end_and_says_why(viewer: Viewer) -> None:
    forgets(viewer)
    assert "a new one works" in viewer.status("failed")["why"]
