"""Silhouettes made of circles, boxes and triangles, as soft masks on a small canvas."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

type Grid = NDArray[np.floating[Any]]
type Shape = Callable[[Grid, Grid], Grid]
"""From x and y (about -1 to 1, y upwards) to a distance: negative inside."""


def circle(x: Grid, y: Grid, cx: float, cy: float, r: float, squash: float = 1.0) -> Grid:
    """Returns the distance to an ellipse with the radius `r`, `squash` times as high."""
    distance: Grid = np.hypot(x - cx, (y - cy) / squash) - r
    return distance


def box(x: Grid, y: Grid, cx: float, cy: float, w: float, h: float) -> Grid:
    """Returns the distance to a box with half the width `w` and half the height `h`."""
    distance: Grid = np.maximum(np.abs(x - cx) - w, np.abs(y - cy) - h)
    return distance


def triangle(x: Grid, y: Grid, cx: float, base: float, w: float, h: float) -> Grid:
    """Returns the distance to a triangle that stands on its base and points upwards."""
    slope = np.abs(x - cx) * h + (y - base) * w - w * h
    distance: Grid = np.maximum(base - y, slope / float(np.hypot(w, h)))
    return distance


def union(*parts: Grid) -> Grid:
    """Returns the distance to all of them together."""
    distance: Grid = np.minimum.reduce(parts)
    return distance


def cat(x: Grid, y: Grid) -> Grid:
    """Sits, seen from the front, with its tail out."""
    ears = union(triangle(x, y, -0.2, 0.5, 0.14, 0.3), triangle(x, y, 0.2, 0.5, 0.14, 0.3))
    tail = np.abs(np.hypot(x - 0.5, y + 0.3) - 0.3) - 0.07
    tail = np.maximum(tail, 0.3 - x)
    return union(circle(x, y, 0, -0.4, 0.42, 1.25), circle(x, y, 0, 0.38, 0.36, 0.85), ears, tail)


def dog(x: Grid, y: Grid) -> Grid:
    """Stands, seen from the side."""
    legs = union(*(box(x, y, cx, -0.6, 0.08, 0.3) for cx in (-0.42, -0.2, 0.28, 0.5)))
    head = union(circle(x, y, -0.62, 0.32, 0.24), box(x, y, -0.84, 0.26, 0.16, 0.1))
    ear = circle(x, y, -0.5, 0.36, 0.12, 1.8)
    tail = box(x - 0.3 * (y - 0.1), y, 0.6, 0.28, 0.05, 0.24)
    return union(circle(x, y, 0.02, -0.1, 0.58, 0.52), legs, head, ear, tail)


def bird(x: Grid, y: Grid) -> Grid:
    """Glides with spread wings."""
    wing = np.abs(y - 0.35 * np.sin(np.abs(x) * 3.0)) - 0.12 * (1.1 - np.abs(x))
    wing = np.maximum(wing, np.abs(x) - 1.0)
    return union(wing, circle(x, y, 0, 0, 0.24, 0.7), triangle(x, y, 0, -0.4, 0.16, 0.4))


def fish(x: Grid, y: Grid) -> Grid:
    """Swims to the left."""
    tail = np.maximum(np.abs(y) - (x - 0.35) * 0.8, x - 0.85)
    fin = triangle(x, y, 0.05, 0.2, 0.2, 0.34)
    return union(circle(x, y, -0.1, 0, 0.55, 0.5), np.maximum(tail, 0.3 - x), fin)


def tree(x: Grid, y: Grid) -> Grid:
    """A conifer."""
    tiers = (triangle(x, y, 0, base, w, 0.62) for base, w in ((-0.5, 0.6), (-0.1, 0.48), (0.3, 0.36)))
    return union(box(x, y, 0, -0.75, 0.1, 0.25), *tiers)


def house(x: Grid, y: Grid) -> Grid:
    """A cabin with a chimney."""
    return union(
        box(x, y, 0, -0.4, 0.6, 0.45), triangle(x, y, 0, 0.0, 0.78, 0.6), box(x, y, 0.4, 0.4, 0.09, 0.3)
    )


def boat(x: Grid, y: Grid) -> Grid:
    """A sailing boat."""
    hull = np.maximum(circle(x, y, 0, -0.35, 0.75, 0.6), y + 0.35)
    sail = np.maximum(triangle(x, y, 0.02, -0.25, 0.55, 1.1), 0.02 - x)
    return union(hull, sail, box(x, y, 0, 0.2, 0.03, 0.6))


def robot(x: Grid, y: Grid) -> Grid:
    """A friendly robot."""
    limbs = union(
        box(x, y, -0.52, -0.1, 0.09, 0.32),
        box(x, y, 0.52, -0.1, 0.09, 0.32),
        box(x, y, -0.2, -0.75, 0.11, 0.24),
        box(x, y, 0.2, -0.75, 0.11, 0.24),
    )
    head = union(
        box(x, y, 0, 0.55, 0.3, 0.24) - 0.04, box(x, y, 0, 0.9, 0.025, 0.12), circle(x, y, 0, 1.0, 0.07)
    )
    return union(box(x, y, 0, -0.12, 0.36, 0.4) - 0.04, limbs, head)


def ball(x: Grid, y: Grid) -> Grid:
    """Round."""
    return circle(x, y, 0, 0, 0.6)


def rocket(x: Grid, y: Grid) -> Grid:
    """Points to the stars."""
    body = circle(x, y, 0, 0, 0.34, 2.4)
    fins = np.maximum(triangle(x, y, 0, -0.9, 0.62, 0.7), 0.2 - np.abs(x))
    return union(np.maximum(body, -0.75 - y), fins)


SHAPES: dict[str, Shape] = {
    "cat": cat,
    "dog": dog,
    "bird": bird,
    "fish": fish,
    "tree": tree,
    "house": house,
    "boat": boat,
    "robot": robot,
    "ball": ball,
    "rocket": rocket,
}


def grid(size: int) -> tuple[Grid, Grid]:
    """Returns x and y of the pixels of a square canvas that holds a silhouette with a margin."""
    axis = np.linspace(-1.15, 1.15, size, dtype=np.float32)
    x, y = np.meshgrid(axis, -axis)
    return x, y


def silhouette(name: str, x: Grid, y: Grid) -> Grid:
    """Returns the distance to a subject."""
    return SHAPES[name](x, y)


def soft(distance: Grid, size: int) -> NDArray[np.float32]:
    """Returns a shape as coverage from 0 to 1, its edge one pixel of the canvas soft."""
    cover: NDArray[np.float32] = np.clip(0.5 - distance * (size / 2.3), 0.0, 1.0).astype(np.float32)
    return cover
