"""The ratios as pictures: one for each kind of benchmark, with the spread and the goals."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from benchmarks.report import Result

ROW_INCHES = 0.35


def draw(found: Iterable[Result], folder: Path) -> list[Path]:
    """Draws the rows that have a ratio; returns the files, which are SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    # Without them each drawing of the same figures would be another file.
    mpl.rcParams["svg.hashsalt"] = "odyssey"
    folder.mkdir(parents=True, exist_ok=True)
    compared = [each for each in found if each.ratio is not None]
    return [
        _draw(list(rows), folder / f"{kind}.svg")
        for kind, rows in groupby(compared, lambda each: each.benchmark.partition("-")[0])
    ]


def _draw(rows: list[Result], path: Path) -> Path:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 1 + ROW_INCHES * len(rows)), layout="constrained")
    for place, each in enumerate(reversed(rows)):
        ratio = each.ratio
        assert ratio is not None, "only rows with one are drawn"
        spread = [[ratio.median - ratio.least], [ratio.greatest - ratio.median]]
        color = "tab:red" if each.reached is False else "tab:blue"
        axes.barh(place, ratio.median, xerr=spread, color=color, height=0.6)
        if each.row.goal is not None:
            axes.plot([each.row.goal] * 2, [place - 0.4, place + 0.4], color="black")
    axes.set_yticks(range(len(rows)), [f"{each.row.what} ÷ {each.row.against}" for each in reversed(rows)])
    axes.axvline(1, color="gray", linewidth=0.5)
    axes.set_xlabel("ours ÷ the other, median and spread of the runs; the line is the goal")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path
