"""One stream of 1280x704 at 30 frames a second: how old its pictures are, and what each costs."""

import time
from typing import Any

import anyio

from benchmarks.benchmark import PLAIN, Benchmark, Figures, Row, Setting, Side, World, on_both
from benchmarks.watching import OnFrame, bare, counted, marked, ours, plain, quantile, resident_megabytes

RATE = 30
WORLD = World(clip=RATE)
WATCHING_SECONDS = 6.0
TICK_SECONDS = 0.005
SETTLED_SECONDS, SLOW_READING_SECONDS = 3.0, 12.0
SLOW_SECONDS = 0.045
BARE = "bare aiortc"
NO_RECORDER = "no recorder"
NO_FILE = "no file"
MP4 = "to an .mp4"


def _measure(watch: Any, name: str) -> Any:
    async def measure(setting: Setting) -> Figures:
        return await FIGURES[name](watch, setting)

    return measure


async def _age(watch: Any, setting: Setting, callback_seconds: float = 0.0) -> Figures:
    from benchmarks.network.clip import age_ms
    from odyssey_anyio.local.video.marker import read

    ages: list[float] = []

    def frame(frame: Any) -> None:
        marker = read(marked(frame))
        if marker is not None:
            ages.append(age_ms(marker.number, RATE))
        if callback_seconds:
            time.sleep(callback_seconds)

    async with watch(setting, frame) as watched:
        ages.clear()
        await counted(watched, setting.seconds(WATCHING_SECONDS))
        found = list(ages)
    return {"p50": quantile(found, 0.5), "p99": quantile(found, 0.99)}


async def _slow(watch: Any, setting: Setting) -> Figures:
    return await _age(watch, setting, SLOW_SECONDS)


async def _cost(watch: Any, setting: Setting) -> Figures:
    reading = False

    def frame(frame: Any) -> None:
        if reading:
            _ = getattr(frame, "data", frame)

    async with watch(setting, frame) as watched:
        size = await counted(watched, setting.seconds(WATCHING_SECONDS))
        reading = True
        data = await counted(watched, setting.seconds(WATCHING_SECONDS))
    return {name: cpu * 1000 / max(frames, 1) for name, (cpu, frames) in {"size": size, "data": data}.items()}


async def _lateness(watch: Any, setting: Setting) -> Figures:
    late: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await anyio.sleep(TICK_SECONDS)
            late.append((time.perf_counter() - began - TICK_SECONDS) * 1000)

    async with watch(setting, lambda frame: None) as watched, anyio.create_task_group() as group:
        group.start_soon(tick)
        await counted(watched, setting.seconds(WATCHING_SECONDS))
        group.cancel_scope.cancel()
    return {"p50": quantile(late, 0.5), "p95": quantile(late, 0.95), "p99": quantile(late, 0.99)}


async def _memory(watch: Any, setting: Setting) -> Figures:
    """A reader of five frames a second: what it cannot take must not pile up."""
    async with watch(setting, lambda frame: time.sleep(0.2)) as watched:
        await counted(watched, setting.seconds(SETTLED_SECONDS))
        before = resident_megabytes()
        await counted(watched, setting.seconds(SLOW_READING_SECONDS))
        return {"grown": resident_megabytes() - before}


def without_recorder(setting: Setting, on_frame: OnFrame) -> Any:
    """Ours, which keeps nothing of what it does."""
    from odyssey import TracePolicy

    return ours(setting, on_frame, traces=TracePolicy(max_bytes=0))


def recorded(setting: Setting, on_frame: OnFrame) -> Any:
    """Ours, which also writes what it receives to a file, as it is."""
    return ours(setting, on_frame, file="cat.webm")


def recorded_anew(setting: Setting, on_frame: OnFrame) -> Any:
    """The same with a file for which each picture is encoded anew."""
    return ours(setting, on_frame, file="cat.mp4")


FIGURES = {
    "file": _cost,
    "memory": _memory,
    "recorder": _cost,
    "age": _age,
    "slow": _slow,
    "cost": _cost,
    "lateness": _lateness,
}


def _benchmark(name: str, *rows: Row, sides: dict[str, Any] | None = None, watch: Any = ours) -> Benchmark:
    ours_sides = on_both(_measure(watch, name))
    others = {PLAIN: plain} if sides is None else sides
    return Benchmark(
        f"video-{name}",
        {**ours_sides, **{side: Side(_measure(watch, name)) for side, watch in others.items()}},
        rows,
        WORLD,
    )


BENCHMARKS = (
    _benchmark("age", Row("picture's age when the callback sees it, 30 fps", "p50", "ms", goal=0.3)),
    _benchmark(
        "slow",
        Row("callback of 45 ms at 30 fps: age of a picture, p99", "p99", "ms", limit=100),
    ),
    _benchmark(
        "cost",
        Row("CPU per frame, the callback reads the size", "size", "ms", goal=0.8),
        Row("CPU per frame, the callback reads `.data`", "data", "ms", goal=0.9),
        Row("CPU per frame, the callback reads the size", "size", "ms", goal=1.1, against=BARE),
        sides={PLAIN: plain, BARE: bare},
    ),
    _benchmark(
        "memory",
        Row("reader of 5 frames a second for 12 s: growth of memory", "grown", "MiB", limit=10.0),
    ),
    _benchmark(
        "recorder",
        Row(
            "CPU per frame with the recorder, the callback reads the size",
            "size",
            "ms",
            goal=1.02,
            against=NO_RECORDER,
        ),
        sides={NO_RECORDER: without_recorder},
    ),
    _benchmark(
        "file",
        Row(
            "CPU per frame while it is recorded to a .webm, the callback reads the size",
            "size",
            "ms",
            goal=1.02,
            against=NO_FILE,
            in_the_way="each frame is handed to a thread that writes it, by way of PyAV",
        ),
        Row("the same against recording to an .mp4, which is encoded anew", "size", "ms", against=MP4),
        sides={NO_FILE: ours, MP4: recorded_anew},
        watch=recorded,
    ),
    _benchmark(
        "lateness",
        Row(
            "lateness of the application's loop, p99 of a ticker of 5 ms",
            "p99",
            "ms",
            goal=0.5,
            in_the_way=(
                "the application's loop does a seventh of the plain client's work, but on two processors it"
                " waits for its turn beside a decoder, the media thread and the sender, and the rarest waits"
                " are the scheduler's"
            ),
        ),
    ),
)
