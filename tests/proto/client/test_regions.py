"""Which region is near: what is measured, and how long a session waits for it."""

import json
from typing import Any

from odyssey_proto.kernel.machine import Instant, Span, seconds
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import Wake
from odyssey_proto.testing.by_hand import ClientByHand
from odyssey_proto.testing.situations import Situation, reached


def pinging(*names: str) -> ClientByHand:
    """Returns a client whose pings have just left."""
    world = reached(Situation.LISTING_REGIONS)
    regions = [{"id": name, "ping_url": f"https://{name}.example/ping"} for name in names]
    world.reply(json_reply({"regions": regions}))
    assert [request.url for request in world.requests.values()] == [each["ping_url"] for each in regions]
    assert all(request.headers == () for request in world.requests.values()), "no token leaves for there"
    return world


def measured(world: ClientByHand) -> dict[str, Any] | None:
    """Returns the latencies with which a session is requested, in the last step."""
    (request,) = [output.request for output in world.last if isinstance(output, o.Request)]
    assert request.url.endswith("/sessions/request")
    return json.loads(request.content()).get("region_latencies")


def test_the_latency_is_the_time_from_the_ping_to_its_reply() -> None:
    world = pinging("near", "far")
    world.jump(Span(12_999))
    world.reply(HttpReply(204))
    world.jump(Span(7_001))
    world.reply(HttpReply(200, (), b"pong"))
    assert measured(world) == {"near": 12, "far": 20}
    world.finish()


def test_who_is_much_farther_than_the_nearest_is_not_waited_for() -> None:
    world = pinging("silent", "near")
    world.jump(Span(20_000))
    ping, near = world.requests
    world.step(i.Replied(near, HttpReply(200)))
    world.wait(Span(4_999))
    assert list(world.requests) == [ping]
    world.wait(Span(1))
    assert world.last[0] == o.CancelRequest(ping)
    assert o.Preconnect("https://near.example/ping", 2) in world.last
    assert measured(world) == {"silent": 9999, "near": 20}
    assert world.step(i.Replied(ping, HttpReply(200))) == []
    world.finish()


def test_a_region_that_refuses_counts_as_one_that_is_silent() -> None:
    world = pinging("refuses", "breaks", "answers")
    world.reply(json_reply({"detail": "no"}, 401))
    world.fail_request()
    world.jump(Span(5_000))
    world.reply(HttpReply(200))
    assert measured(world) == {"refuses": 9999, "breaks": 9999, "answers": 5}
    world.finish()


def test_when_all_are_silent_a_second_is_all_they_cost() -> None:
    world = pinging("one", "two", "three")
    pings = list(world.requests)
    world.now = Instant(1_000_000)
    world.step(Wake())
    assert list(world.last[:3]) == [o.CancelRequest(ping) for ping in pings]
    assert measured(world) is None
    world.finish()


def test_the_list_of_regions_and_the_pings_share_one_second() -> None:
    world = reached(Situation.LISTING_REGIONS)
    world.jump(Span(900_000))
    world.reply(json_reply({"regions": [{"id": "r", "ping_url": "https://r.example/"}]}))
    world.wait(seconds(0.1))
    assert world.now == 1_000_000
    assert measured(world) is None
    world.finish()


def test_two_regions_of_one_name_are_two_pings() -> None:
    world = pinging("same", "same")
    world.jump(Span(1_000))
    world.reply(HttpReply(500))
    world.reply(HttpReply(200))
    assert measured(world) == {"same": 1}
    world.finish()


def test_where_no_region_answered_the_next_session_measures_again() -> None:
    world = ClientByHand()
    for _ in range(2):
        prepare = world.prepare()
        while world.paths != ["/"]:
            world.goes_well()
        world.wait(seconds(1))
        assert prepare.result is None
    listed = [each for each in world.outputs(o.Request) if each.request.url.endswith("/regions")]
    assert len(listed) == 2
    world.finish()
