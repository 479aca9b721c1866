"""Which region is near: what is measured, and how long a session waits for it."""

import json
from typing import Any

from core.gauntlet import Gauntlet, begun
from core.session import last, reply, wait

from odyssey_proto.kernel.machine import Instant
from odyssey_proto.seam import inputs as i
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind, Wake


def pinging(*names: str) -> Gauntlet:
    """Returns a world whose pings have just left."""
    world = begun(1)
    regions = [{"id": name, "ping_url": f"https://{name}.example/ping"} for name in names]
    reply(world, json_reply({"regions": regions}))
    assert [request.url for request in world.pending.values()] == [each["ping_url"] for each in regions]
    assert all(request.headers == () for request in world.pending.values()), "no token leaves for there"
    return world


def later(world: Gauntlet, microseconds: int) -> None:
    """Lets time pass without waking anybody."""
    world.now = Instant(world.now + microseconds)


def measured(world: Gauntlet) -> dict[str, Any] | None:
    """Returns the latencies with which a session is requested, in the last step."""
    (request,) = [out.request for out in last(world) if isinstance(out, o.Request)]
    assert request.url.endswith("/sessions/request")
    return json.loads(request.content()).get("region_latencies")


def test_the_latency_is_the_time_from_the_ping_to_its_reply() -> None:
    world = pinging("near", "far")
    later(world, 12_999)
    reply(world, HttpReply(204))
    later(world, 7_001)
    reply(world, HttpReply(200, (), b"pong"))
    assert measured(world) == {"near": 12, "far": 20}
    world.finish()


def test_who_is_much_farther_than_the_nearest_is_not_waited_for() -> None:
    world = pinging("silent", "near")
    later(world, 20_000)
    reply(world, HttpReply(200), index=1)
    (ping,) = world.pending
    wait(world, 0.069)
    assert list(world.pending) == [ping]
    wait(world, 0.001)
    assert last(world)[0] == o.CancelRequest(ping)
    assert measured(world) == {"silent": 9999, "near": 20}
    assert world.step(i.Replied(ping, HttpReply(200))) == []
    world.finish()


def test_a_region_that_refuses_counts_as_one_that_is_silent() -> None:
    world = pinging("refuses", "breaks", "answers")
    reply(world, json_reply({"detail": "no"}, 401))
    broken = next(iter(world.pending))
    del world.pending[broken]
    world.step(i.ExchangeFailed(broken, TransportError(TransportErrorKind.CLOSED)))
    later(world, 5_000)
    reply(world, HttpReply(200))
    assert measured(world) == {"refuses": 9999, "breaks": 9999, "answers": 5}
    world.finish()


def test_when_all_are_silent_a_second_is_all_they_cost() -> None:
    world = pinging("one", "two", "three")
    pings = list(world.pending)
    world.now = Instant(1_000_000)
    world.step(Wake())
    assert list(last(world)[:3]) == [o.CancelRequest(ping) for ping in pings]
    assert measured(world) is None
    world.finish()


def test_the_list_of_regions_and_the_pings_share_one_second() -> None:
    world = begun(1)
    later(world, 900_000)
    reply(world, json_reply({"regions": [{"id": "r", "ping_url": "https://r.example/"}]}))
    wait(world, 0.1)
    assert world.now == 1_000_000
    assert measured(world) is None
    world.finish()


def test_two_regions_of_one_name_are_two_pings() -> None:
    world = pinging("same", "same")
    later(world, 1_000)
    reply(world, HttpReply(500))
    reply(world, HttpReply(200))
    assert measured(world) == {"same": 1}
    world.finish()
