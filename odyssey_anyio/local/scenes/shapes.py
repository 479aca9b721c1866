"""Shapes by their distance: what lies inside is negative, what lies outside positive."""

from collections.abc import Callable, Sequence
from math import cos, inf, sin

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

type Grid = NDArray[np.float32]
type Point = tuple[float, float]
type Box = tuple[float, float, float, float]
"""Left, bottom, right, top."""


@frozen
class Shape:
    """A region of the plane, x to the right and y upwards, with the box outside of which it has nothing."""

    box: Box
    distance: Callable[[Grid, Grid], Grid]

    def moved(self, dx: float, dy: float) -> "Shape":
        """Gives the shape elsewhere."""
        left, bottom, right, top = self.box
        return Shape(
            (left + dx, bottom + dy, right + dx, top + dy), lambda x, y: self.distance(x - dx, y - dy)
        )

    def turned(self, angle: float, about: Point = (0.0, 0.0)) -> "Shape":
        """Gives the shape turned anticlockwise, in radians."""
        c, s, (px, py) = cos(angle), sin(angle), about
        left, bottom, right, top = self.box
        corners = [(x - px, y - py) for x in (left, right) for y in (bottom, top)]
        box = _around([(px + c * x - s * y, py + s * x + c * y) for x, y in corners])

        def distance(x: Grid, y: Grid) -> Grid:
            dx, dy = x - np.float32(px), y - np.float32(py)
            return self.distance(px + c * dx + s * dy, py - s * dx + c * dy)

        return Shape(box, distance)

    def grown(self, by: float) -> "Shape":
        """Gives the shape with so much more all around, its corners rounded."""
        return Shape(_wider(self.box, by), lambda x, y: self.distance(x, y) - np.float32(by))


def ellipse(cx: float, cy: float, rx: float, ry: float | None = None) -> Shape:
    """A circle, or an ellipse along the axes."""
    high = rx if ry is None else ry

    def distance(x: Grid, y: Grid) -> Grid:
        dx, dy = (x - np.float32(cx)) / np.float32(rx), (y - np.float32(cy)) / np.float32(high)
        away = np.hypot(dx, dy)
        slope = np.hypot(dx / np.float32(rx), dy / np.float32(high)) + np.float32(1e-6)
        result: Grid = away * (away - 1) / slope
        return result

    return Shape((cx - rx, cy - high, cx + rx, cy + high), distance)


def limb(start: Point, end: Point, r0: float, r1: float | None = None) -> Shape:
    """A stroke from one point to another, `r0` thick at the start and `r1` at the end, ends round."""
    last = r0 if r1 is None else r1
    (ax, ay), (bx, by) = start, end
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy + 1e-9

    def distance(x: Grid, y: Grid) -> Grid:
        px, py = x - np.float32(ax), y - np.float32(ay)
        along = np.clip((px * np.float32(dx) + py * np.float32(dy)) / np.float32(square), 0, 1)
        across = np.hypot(px - along * np.float32(dx), py - along * np.float32(dy))
        result: Grid = across - (np.float32(r0) + along * np.float32(last - r0))
        return result

    return Shape(_wider(_around([start, end]), max(r0, last)), distance)


def curve(points: Sequence[Point], r0: float, r1: float | None = None, steps: int = 7) -> Shape:
    """A stroke along a Bézier curve through its control points, tapering from `r0` to `r1`."""
    last = r0 if r1 is None else r1
    way = [_bezier(points, step / steps) for step in range(steps + 1)]
    radii = [r0 + (last - r0) * step / steps for step in range(steps + 1)]
    return union(*(limb(way[i], way[i + 1], radii[i], radii[i + 1]) for i in range(steps)))


def polygon(*points: Point, round: float = 0.0) -> Shape:
    """A polygon with any number of corners."""

    def distance(x: Grid, y: Grid) -> Grid:
        nearest = np.full(np.broadcast_shapes(x.shape, y.shape), inf, np.float32)
        odd = np.zeros(nearest.shape, bool)
        for (ax, ay), (bx, by) in zip(points, (*points[1:], points[0]), strict=True):
            dx, dy = np.float32(bx - ax), np.float32(by - ay)
            px, py = x - np.float32(ax), y - np.float32(ay)
            along = np.clip((px * dx + py * dy) / (dx * dx + dy * dy + np.float32(1e-9)), 0, 1)
            np.minimum(nearest, np.hypot(px - along * dx, py - along * dy), out=nearest)
            if ay != by:
                odd ^= ((y < ay) != (y < by)) & (px < (y - np.float32(ay)) * (dx / dy))
        return np.where(odd, -nearest, nearest) - np.float32(round)

    return Shape(_wider(_around(points), round), distance)


def block(left: float, bottom: float, right: float, top: float, round: float = 0.0) -> Shape:
    """A box along the axes with rounded corners."""
    cx, cy = (left + right) / 2, (bottom + top) / 2
    w, h = (right - left) / 2 - round, (top - bottom) / 2 - round

    def distance(x: Grid, y: Grid) -> Grid:
        dx, dy = np.abs(x - np.float32(cx)) - np.float32(w), np.abs(y - np.float32(cy)) - np.float32(h)
        outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
        result: Grid = outside + np.minimum(np.maximum(dx, dy), 0) - np.float32(round)
        return result

    return Shape((left, bottom, right, top), distance)


def union(*parts: Shape) -> Shape:
    """All of them together."""
    return Shape(
        _around([corner for part in parts for corner in (part.box[:2], part.box[2:])]),
        lambda x, y: np.minimum.reduce([part.distance(x, y) for part in parts]),
    )


def blend(softness: float, *parts: Shape) -> Shape:
    """All of them together, flowing into each other where they meet."""

    def distance(x: Grid, y: Grid) -> Grid:
        total = parts[0].distance(x, y)
        for part in parts[1:]:
            other = part.distance(x, y)
            near = np.maximum(np.float32(softness) - np.abs(total - other), 0) / np.float32(softness)
            total = np.minimum(total, other) - near * near * np.float32(softness / 4)
        return total

    whole = union(*parts)
    return Shape(_wider(whole.box, softness / 4), distance)


def common(one: Shape, other: Shape) -> Shape:
    """What lies in both."""
    return Shape(one.box, lambda x, y: np.maximum(one.distance(x, y), other.distance(x, y)))


def without(one: Shape, other: Shape) -> Shape:
    """What lies in the first and not in the second."""
    return Shape(one.box, lambda x, y: np.maximum(one.distance(x, y), -other.distance(x, y)))


def ring(cx: float, cy: float, r: float, thick: float) -> Shape:
    """A circle's line."""
    inner = ellipse(cx, cy, r)
    return Shape(_wider(inner.box, thick), lambda x, y: np.abs(inner.distance(x, y)) - np.float32(thick))


def _bezier(points: Sequence[Point], t: float) -> Point:
    if len(points) == 1:
        return points[0]
    nearer = [
        (ax + (bx - ax) * t, ay + (by - ay) * t)
        for (ax, ay), (bx, by) in zip(points, points[1:], strict=False)
    ]
    return _bezier(nearer, t)


def _around(points: Sequence[Point]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _wider(box: Box, by: float) -> Box:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by
