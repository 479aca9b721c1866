"""The laws of the pool hold whatever happens."""

from typing import Any

from core.pool_world import HERE, THERE, World
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.wire.pool import PoolLimits

actions = st.tuples(
    st.sampled_from(
        ["ask", "ask", "ask", "ahead", "done", "done", "broken", "fail", "stale", "leave", "wait", "close"]
    ),
    st.integers(0, 20),
    st.booleans(),
)


def perform(world: World, action: str, which: int, flag: bool) -> None:
    held = list(world.held)
    busy: Any = held[which % len(held)] if held else None
    match action:
        case "ask":
            world.ask(HERE if which % 3 else THERE, safe=flag)
        case "ahead":
            world.open_ahead(which % 4, HERE if which % 3 else THERE)
        case "done" | "broken" if held:
            world.release(busy, reusable=action == "done")
        case "fail" if held and busy not in world.ahead:
            world.fail(busy, replied=flag)
        case "stale" if held and world.held[busy].kept:
            world.stale(busy)
        case "leave" if world.waiting:
            world.release(world.waiting[which % len(world.waiting)], reusable=flag)
        case "wait":
            world.wait(which)
        case "close" if which == 0 or not flag:
            world.close(for_good=flag)


@given(st.builds(PoolLimits, max_idle=st.integers(0, 4), max_per_origin=st.integers(1, 4)), st.lists(actions))
@settings(max_examples=examples(300), deadline=None)
def test_whatever_happens_the_laws_hold(limits: PoolLimits, script: list[tuple[str, int, bool]]) -> None:
    world = World(limits)
    for action in script:
        perform(world, *action)
    world.finish()
