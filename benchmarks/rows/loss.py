"""What is seen when packets are lost: how long the picture stands still, and for how long it is fresh."""

import time
from itertools import pairwise
from typing import Any

from benchmarks.benchmark import ASYNCIO, PLAIN, Benchmark, Figures, Row, Setting, Side, World, ours_on
from benchmarks.watching import counted, ours, plain, seen

CLIP_RATE = 30
SCENE_RATE = 24

FREEZING_SECONDS = 12.0
"""Two bursts and what comes after them."""

WATCHING_SECONDS = 10.0

FRESH_SECONDS = 0.2


async def _freeze(watch: Any, setting: Setting) -> Figures:
    shown: list[float] = []
    async with watch(setting, lambda frame: shown.append(time.perf_counter())) as watched:
        shown.clear()
        began = time.perf_counter()
        await counted(watched, setting.seconds(FREEZING_SECONDS))
        # One that stands still until now counts as well, also if none came at all.
        times = [began, *shown, time.perf_counter()]
    return {"freeze": max(after - before for before, after in pairwise(times)) * 1000}


async def _fresh(watch: Any, setting: Setting) -> Figures:
    shown: list[tuple[float, float]] = []
    broken = 0

    def frame(frame: Any) -> None:
        nonlocal broken
        made = seen(frame, SCENE_RATE)
        if made is None:
            broken += 1
        else:
            shown.append((time.time(), made))

    async with watch(setting, frame) as watched:
        shown.clear()
        broken, began = 0, time.time()
        await counted(watched, setting.seconds(WATCHING_SECONDS))
        ended = time.time()
    fresh = 0.0
    for (arrived, made), (following, _) in zip(shown, [*shown[1:], (ended, 0.0)], strict=True):
        fresh += max(0.0, min(following, made + FRESH_SECONDS) - arrived)
    return {"fresh": fresh / (ended - began), "broken": float(broken)}


def _side(measure: Any, watch: Any) -> Side:
    async def once(setting: Setting) -> Figures:
        figures: Figures = await measure(watch, setting)
        return figures

    return Side(once)


def _sides(measure: Any) -> dict[str, Side]:
    return {ours_on(ASYNCIO): _side(measure, ours), PLAIN: _side(measure, plain)}


def _bursts(size: int, what: str) -> Benchmark:
    row = Row(f"longest freeze after {what} and the lost repeat", "freeze", "ms", goal=0.1)
    return Benchmark(f"loss-{size}", _sides(_freeze), (row,), World(clip=CLIP_RATE, burst=size))


BENCHMARKS = (
    _bursts(1, "one lost packet"),
    _bursts(5, "a burst of 5"),
    Benchmark(
        "loss-random",
        _sides(_fresh),
        (
            Row(
                "5 % loss, 50 ms round trip: share of time with a picture of the last 200 ms",
                "fresh",
                "",
                goal=1.0,
                at_least=True,
            ),
            Row("the same: pictures that are broken", "broken", "", limit=0.0),
        ),
        World(round_trip=50, loss=0.05),
    ),
)
