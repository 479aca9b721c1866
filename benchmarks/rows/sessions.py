"""How many sessions one process can watch, at 20 frames a second and 1280x704, and what each costs."""

from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup, TaskStatus

from benchmarks.benchmark import PLAIN, Benchmark, Figures, Row, Setting, Side, World, on_both
from benchmarks.watching import marked, ours, plain, resident_megabytes

RATE = 20
FIRST, STEP, MOST = 4, 2, 40
"""So many sessions at first, so many more each time, and never more than that."""

WATCHING_SECONDS = 2.5
FRESH_MS = 200.0
SHARE = 0.99


class Sessions:
    """Sessions in one process, all watched at once."""

    def __init__(self, watch: Any, setting: Setting, group: TaskGroup) -> None:
        self._watch = watch
        self._setting = setting
        self._group = group
        self._fresh = 0
        self.count = 0

    async def add(self, count: int) -> None:
        """Opens some more, all at once."""
        async with anyio.create_task_group() as opening:
            for _ in range(count):
                opening.start_soon(self._group.start, self._hold)
        self.count += count

    async def _hold(self, *, task_status: TaskStatus[None]) -> None:
        async with self._watch(self._setting, self._frame):
            task_status.started()
            await anyio.sleep_forever()

    def _frame(self, frame: Any) -> None:
        from benchmarks.network.clip import age_ms
        from odyssey_anyio.local.video.marker import read

        marker = read(marked(frame))
        self._fresh += marker is not None and age_ms(marker.number, RATE) <= FRESH_MS

    async def share(self) -> float:
        """Watches for a while; returns the share of all frames that came, and came in time."""
        seconds = self._setting.seconds(WATCHING_SECONDS)
        self._fresh = 0
        began = anyio.current_time()
        await anyio.sleep(seconds)
        return self._fresh / ((anyio.current_time() - began) * RATE * self.count)


async def _most(watch: Any, setting: Setting) -> Figures:
    first, step = (1, 1) if setting.short else (FIRST, STEP)
    found = {"sessions": 0.0}
    async with anyio.create_task_group() as group:
        sessions = Sessions(watch, setting, group)
        await sessions.add(first)
        before = _weight()
        found["share"] = share = await sessions.share()
        while share >= SHARE and sessions.count < (2 if setting.short else MOST):
            found["sessions"] = float(sessions.count)
            await sessions.add(step)
            share = await sessions.share()
        more = max(sessions.count - first, 1)
        threads, megabytes = (now - then for now, then in zip(_weight(), before, strict=True))
        found |= {"threads": threads / more, "megabytes": megabytes / more}
        group.cancel_scope.cancel()
    return found


def _weight() -> tuple[float, float]:
    """Returns how many threads this process has, and how much memory, in MiB."""
    return float(len(list(Path("/proc/self/task").iterdir()))), resident_megabytes()


async def most_of_ours(setting: Setting) -> Figures:
    """As many of ours as there may be."""
    return await _most(ours, setting)


async def most_of_plain(setting: Setting) -> Figures:
    """The same with the plain client."""
    return await _most(plain, setting)


BENCHMARKS = (
    Benchmark(
        "sessions",
        {**on_both(most_of_ours), PLAIN: Side(most_of_plain)},
        (
            Row(
                "sessions in one process, 99 % of frames within 200 ms",
                "sessions",
                "",
                goal=1.25,
                at_least=True,
                in_the_way="decoding is seven tenths of a frame's cost, and the sender shares the processors",
            ),
            Row("threads for each further session", "threads", "", limit=2.0),
            Row("memory for each further session", "megabytes", "MiB", limit=10.0),
        ),
        World(clip=RATE),
    ),
)
