"""What was found: one table, and the same as JSON."""

import statistics
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import frozen

from benchmarks.benchmark import FLOOR, TRIO, Benchmark, Figures, Row, ours_on
from benchmarks.runner import Runs


@frozen
class Ratio:
    """Ours divided by another's: the median over the runs, and the spread."""

    median: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.greatest:.2f})"

    @classmethod
    def of(cls, above: list[float], below: list[float]) -> "Ratio | None":
        """Divides run by run; nothing if either has none, or the other's is nothing."""
        ratios = [one / other for one, other in zip(above, below, strict=False) if other]
        return cls(statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


@frozen
class Result:
    """A row with what was found for it."""

    benchmark: str
    row: Row
    value: float
    other: float | None
    on_trio: float | None
    ratio: Ratio | None
    trio_ratio: Ratio | None
    floor: float | None
    floor_ratio: Ratio | None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached."""
        return self.row.reached(None if self.ratio is None else self.ratio.median, self.value)


def results(benchmark: Benchmark, runs: Runs) -> list[Result]:
    """Returns the rows of a benchmark with what its runs found, as far as they have its figures."""
    return [_result(benchmark, row, runs) for row in benchmark.rows if _values(runs, row.of, row)]


def _result(benchmark: Benchmark, row: Row, runs: Runs) -> Result:
    ours = _values(runs, row.of, row)
    other, trio, floor = (_values(runs, side, row) for side in (row.against, ours_on(TRIO), FLOOR))
    return Result(
        benchmark.name,
        row,
        statistics.median(ours),
        _median(other),
        _median(trio),
        Ratio.of(ours, other),
        Ratio.of(trio, other),
        _median(floor),
        Ratio.of(ours, floor),
    )


def _values(runs: Runs, side: str, row: Row) -> list[float]:
    figures: Iterable[Figures] = runs.get(side, [])
    return [each[row.figure] for each in figures if row.figure in each]


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


COLUMNS = ("what", "unit", "ours", "on trio", "other", "floor", "ours ÷ other", "ours ÷ floor", "goal", "")


def cells(result: Result) -> tuple[str, ...]:
    """Returns a line of the table."""
    row = result.row
    other = "–" if result.other is None else f"{_number(result.other)} {row.against}"
    numbers = (_number(each) for each in (result.value, result.on_trio))
    ratios = ("–" if each is None else str(each) for each in (result.ratio, result.floor_ratio))
    reached = {True: "reached", False: "not reached", None: ""}[result.reached]
    return (row.what, row.unit, *numbers, other, _number(result.floor), *ratios, _goal(row), reached)


def _goal(row: Row) -> str:
    side = "≥" if row.at_least else "≤"
    if row.limit is not None:
        return f"{side} {row.limit:g} {row.unit}"
    return "" if row.goal is None else f"{side} {row.goal:g}"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(found: Iterable[Result]) -> str:
    """Returns the table as text for a terminal."""
    lines = [COLUMNS, *map(cells, found)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if place == 0 else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def plain_data(about: Mapping[str, Any], runs: Mapping[str, Runs]) -> dict[str, Any]:
    """Returns what JSON keeps of it all: the raw figures, of which tables are made anew."""
    return {"about": dict(about), "runs": {name: dict(each) for name, each in runs.items()}}
