"""A session that a network takes away on the way, and that is replaced by the default policy."""

import pytest
from house.link import flow

from tests.driver.networks.conftest import Viewer


@pytest.mark.timeout(120)
@pytest.mark.long
def test_a_nat_that_restarts_costs_a_session(recovering: Viewer) -> None:
    flows = set()
    recovering.link.become(lost=lambda packet: flows.add(flow(packet)) is not None)
    recovering.until(lambda each: each["what"] == "started", "stream")
    recovering.fresh_frame()
    forgotten = frozenset(flows)
    recovering.link.become(lost=lambda packet: flow(packet) in forgotten)
    recovering.status("reconnecting")
    recovering.status("connected")
    recovering.fresh_frame()
    assert recovering.count("over") == 0
    assert recovering.count("broken picture") == 0
