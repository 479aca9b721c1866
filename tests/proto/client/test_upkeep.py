"""What was prepared is kept fresh, and what one client has learned another begins with."""

import pytest
from attrs import evolve

from odyssey_proto.client.connecting.upkeep import UPKEEP_INTERVAL
from odyssey_proto.kernel.machine import Instant, Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.access import REGION_MAP_LIFETIME, RegionMap, ServiceAccess
from odyssey_proto.model.address import Region
from odyssey_proto.model.events import ConnectionStatus as S
from odyssey_proto.seam import outputs as o
from odyssey_proto.seam.commands import Abandon
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.testing.by_hand import SETTINGS, ClientByHand
from odyssey_proto.testing.situations import connected

NEAREST = Region("r1", "https://r1.example/")


def kept(keep: Span, settings: object = SETTINGS) -> ClientByHand:
    """Returns a client that has prepared, and keeps that fresh."""
    world = ClientByHand(settings)
    prepare = world.prepare(keep=keep)
    while prepare.pending:
        world.goes_well()
    assert not world.requests
    return world


def test_connections_are_used_until_the_time_is_over_and_not_after_it() -> None:
    world = kept(seconds(25))
    for _ in range(2):
        world.wait(UPKEEP_INTERVAL)
        assert world.paths == ["/", "/"]
        while world.requests:
            world.goes_well()
    world.wait(UPKEEP_INTERVAL)
    assert (world.requests, world.client.deadline) == ({}, None)
    assert world.outputs(o.Happened) == []
    world.finish()


def test_what_is_kept_a_connect_does_not_ask_for() -> None:
    world = kept(seconds(3600))
    for _ in range(30):
        world.wait(UPKEEP_INTERVAL)
        while world.requests:
            world.goes_well()
    connect = world.connect()
    assert world.paths == ["/sessions/request"]
    while connect.pending:
        world.goes_well()
    world.wait(UPKEEP_INTERVAL)
    assert "/" not in world.paths
    world.finish()


def test_a_token_is_renewed_before_it_ends() -> None:
    world = kept(seconds(7200))
    # It is replaced a minute before the hour that it lasts.
    world.now = Instant(seconds(3600 - 60 - 5))
    world.wait(Span(0))
    assert "/auth/token" in world.paths
    while world.requests:
        world.goes_well()
    world.wait(seconds(6))
    world.connect()
    assert world.paths == ["/sessions/request"]
    world.finish()


def test_a_token_that_lasts_no_round_is_renewed_once_a_round() -> None:
    world = ClientByHand()
    prepare = world.prepare(keep=seconds(60))
    world.reply(json_reply({"access_token": "t1", "expires_in": 65}))
    while prepare.pending:
        world.goes_well()
    world.wait(UPKEEP_INTERVAL)
    world.reply(json_reply({"access_token": "t2", "expires_in": 65}), "/auth/token")
    assert world.paths == ["/", "/"]
    world.finish()


def test_an_old_map_is_measured_anew() -> None:
    world = kept(seconds(3600))
    before = world.client.access.regions
    world.now = Instant(REGION_MAP_LIFETIME)
    world.wait(Span(0))
    assert sorted(world.paths) == ["/", "/", "/regions"]
    while world.requests:
        world.goes_well()
    after = world.client.access.regions
    assert before is not None
    assert after is not None
    assert (
        (before.nearest, before.measured) != (after.nearest, after.measured) == (NEAREST, REGION_MAP_LIFETIME)
    )
    world.finish()


def test_a_map_that_cannot_be_measured_anew_stays_and_is_tried_no_sooner_than_it_grows_old() -> None:
    world = kept(seconds(3600))
    before = world.client.access.regions
    world.now = Instant(REGION_MAP_LIFETIME)
    world.wait(Span(0))
    world.reply(HttpReply(404), "/regions")
    while world.requests:
        world.goes_well()
    world.wait(UPKEEP_INTERVAL)
    assert (world.paths, world.client.access.regions) == (["/", "/"], before)
    world.finish()


def test_without_regions_the_token_is_kept() -> None:
    world = ClientByHand()
    prepare = world.prepare(keep=seconds(60))
    world.goes_well()
    world.reply(HttpReply(404))
    assert prepare.result is None
    world.wait(UPKEEP_INTERVAL)
    assert (world.requests, world.client.deadline is None) == ({}, False)
    world.finish()


def test_a_round_that_fails_or_never_ends_changes_nothing() -> None:
    world = kept(seconds(60))
    for _ in range(2):
        world.wait(UPKEEP_INTERVAL)
        assert world.paths == ["/", "/"]
        world.fail_request()
    world.wait(UPKEEP_INTERVAL)
    assert world.paths == ["/", "/"]
    assert world.outputs(o.Failed) == []
    world.finish()


def test_a_token_that_cannot_be_renewed_serves_as_long_as_it_holds() -> None:
    world = kept(seconds(7200))
    world.now = Instant(seconds(3600 - 60 - 5))
    world.wait(Span(0))
    world.reply(json_reply({"detail": "unknown"}, 401), "/auth/token")
    world.connect()
    assert world.paths == ["/regions"], "no token is asked for"
    world.finish()


def test_regions_that_answer_none_of_the_pings_end_a_round_in_time() -> None:
    world = kept(seconds(3600))
    world.now = Instant(REGION_MAP_LIFETIME)
    world.wait(Span(0))
    world.goes_well(world.paths.index("/regions"))
    assert world.paths == ["/", "/", "/"]
    world.wait(seconds(1))
    assert world.paths == ["/", "/"]
    world.finish()


def test_to_prepare_again_takes_the_place_of_what_was_kept() -> None:
    world = kept(seconds(60))
    world.wait(UPKEEP_INTERVAL)
    assert world.prepare().result is None
    assert (world.requests, world.client.deadline) == ({}, None)
    world.finish()


@pytest.mark.parametrize("under_way", [False, True])
def test_leaving_ends_it(under_way: bool) -> None:
    world = kept(seconds(60))
    if under_way:
        world.wait(UPKEEP_INTERVAL)
    world.disconnect()
    assert (world.requests, world.client.deadline) == ({}, None)
    assert [event.event.status for event in world.outputs(o.Happened)] == [S.DISCONNECTED]
    world.finish()


@pytest.mark.parametrize("steps", [0, 1, 2])
@pytest.mark.parametrize("what", ["connect", "disconnect", "prepare"])
def test_what_ends_it_ends_it_also_while_it_is_still_prepared(what: str, steps: int) -> None:
    world = ClientByHand()
    prepare = world.prepare(keep=seconds(600))
    for _ in range(steps):
        world.goes_well()
    command = {"connect": world.connect, "disconnect": world.disconnect, "prepare": world.prepare}[what]()
    while prepare.pending or command.pending:
        world.goes_well()
    before = world.outputs(o.Request)
    world.wait(UPKEEP_INTERVAL)
    assert world.outputs(o.Request) == before
    world.finish()


def test_nothing_is_kept_while_a_session_is_there() -> None:
    world = connected()
    prepare = world.prepare(keep=seconds(600))
    while prepare.pending:
        world.goes_well()
    before = world.outputs(o.Request)
    world.wait(UPKEEP_INTERVAL)
    assert world.outputs(o.Request) == before
    world.finish()


def test_a_connect_long_after_measures_anew() -> None:
    world = ClientByHand()
    for seconds_later, asks in ((0, True), (300, False), (1000, True)):
        world.now = Instant(seconds(seconds_later))
        prepare, paths = world.prepare(), list[str]()
        while prepare.pending:
            paths += world.paths
            world.goes_well()
        assert ("/regions" in paths) is asks
    world.finish()


def test_who_abandons_what_is_over_changes_nothing() -> None:
    world = ClientByHand()
    prepare = world.prepare(keep=seconds(60))
    while prepare.pending:
        world.goes_well()
    world.give(Abandon(prepare.id))
    world.wait(UPKEEP_INTERVAL)
    assert world.paths == ["/", "/"]
    world.finish()


# --- known from another client ------------------------------------------------------------------

WALL = 1_700_000_000_000_000
TOKEN = Secret("t0")


def began_with(known: ServiceAccess) -> list[str]:
    """Returns what a client asks for first that begins with what another has learned."""
    world = ClientByHand(evolve(SETTINGS, wall=WALL, known=known))
    connect = world.connect()
    paths = [*world.paths]
    while connect.pending:
        world.goes_well()
        paths += world.paths[:1]
    world.finish()
    return paths[:3]


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        (ServiceAccess(), ["/auth/token", "/regions", "/"]),
        (ServiceAccess(TOKEN, WALL + 1), ["/regions", "/", "/sessions/request"]),
        (ServiceAccess(TOKEN, WALL), ["/auth/token", "/regions", "/"]),
        (ServiceAccess(TOKEN, WALL + 1, RegionMap((("r1", 5),), NEAREST, WALL)), ["/sessions/request"]),
        (
            ServiceAccess(None, 0, RegionMap((("r1", 5),), NEAREST, WALL - REGION_MAP_LIFETIME)),
            ["/auth/token", "/regions", "/"],
        ),
        (
            ServiceAccess(None, 0, RegionMap((("r1", 5),), NEAREST, WALL + 1)),
            ["/auth/token", "/regions", "/"],
        ),
    ],
)
def test_a_client_begins_with_what_another_has_learned_while_it_holds(
    known: ServiceAccess, asked: list[str]
) -> None:
    assert began_with(known)[: len(asked)] == asked


def test_what_a_client_has_learned_another_begins_with() -> None:
    world = kept(seconds(10), evolve(SETTINGS, wall=WALL))
    known = world.client.access
    assert known == ServiceAccess(
        Secret("t1"), WALL + seconds(3600 - 60), RegionMap((("r1", 0),), NEAREST, WALL)
    )
    world.finish()
    assert began_with(known)[0] == "/sessions/request"


def test_a_token_that_the_service_no_longer_knows_is_no_longer_known() -> None:
    world = ClientByHand(evolve(SETTINGS, wall=WALL, known=ServiceAccess(TOKEN, WALL + seconds(100))))
    world.connect()
    world.goes_well()
    world.goes_well()
    world.reply(json_reply({"detail": "unknown"}, 401))
    assert (world.client.access.token, world.client.access.token_ends) == (None, 0)
    assert world.paths == ["/auth/token"]
    world.finish()


def test_a_shared_token_is_no_more_repeated_than_one_of_its_own() -> None:
    world = ClientByHand(evolve(SETTINGS, wall=WALL, known=ServiceAccess(Secret("tok-4711"), WALL + 1)))
    connect = world.connect()
    world.goes_well()
    world.goes_well()
    world.reply(json_reply({"detail": "no tok-4711"}, 403))
    assert "4711" not in connect.failure.text
    assert "tok-4711" not in repr(world.settings)
    world.finish()
