"""The subject of a scene, painted: its silhouette lit from above, with the marks that make it somebody."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from odyssey_anyio.local.video.scenes.shapes import Grid, box, circle, grid, silhouette, soft, triangle, union

type Rgb = tuple[int, int, int]
type Mark = tuple[Callable[[Grid, Grid], Grid], Rgb | float]
"""A shape inside the silhouette, and its colour, or by how much it makes the coat paler or darker."""

INK: Rgb = (30, 27, 38)
GLOW: Rgb = (255, 232, 150)
WHITE: Rgb = (255, 255, 255)
PINK: Rgb = (240, 140, 150)


def sprite(name: str, colour: Rgb, size: int) -> NDArray[np.float32]:
    """Returns a subject as red, green, blue (0 to 255) and coverage (0 to 1): (size, size, 4)."""
    x, y = grid(size)
    cover = soft(silhouette(name, x, y), size)
    paint = np.empty((size, size, 3), np.float32)
    paint[:] = np.array(colour, np.float32)
    for shape, tint in MARKS.get(name, ()):
        inside = soft(shape(x, y), size)[:, :, None]
        paint += (_tinted(paint, tint) - paint) * inside
    light = np.linspace(1.14, 0.74, size, dtype=np.float32)[:, None, None]
    return np.dstack([np.clip(paint * light, 0, 255), cover]).astype(np.float32)


def shadow(size: int) -> NDArray[np.float32]:
    """Returns the shadow on the ground as coverage: (size / 6, size)."""
    high = max(1, size // 6)
    x = np.linspace(-1.1, 1.1, size, dtype=np.float32)[None, :]
    y = np.linspace(-1.1, 1.1, high, dtype=np.float32)[:, None]
    dark: NDArray[np.float32] = np.clip(1.0 - np.hypot(x / 0.75, y), 0.0, 1.0).astype(np.float32)
    return dark * np.float32(0.42)


def _tinted(paint: NDArray[np.float32], tint: Rgb | float) -> NDArray[np.float32]:
    if isinstance(tint, tuple):
        return np.array(tint, np.float32)
    target = np.float32(255 if tint > 0 else 0)
    return (paint + (target - paint) * np.float32(abs(tint))).astype(np.float32)


def _dot(cx: float, cy: float, r: float, squash: float = 1.0) -> Callable[[Grid, Grid], Grid]:
    return partial(circle, cx=cx, cy=cy, r=r, squash=squash)


def _box(cx: float, cy: float, w: float, h: float) -> Callable[[Grid, Grid], Grid]:
    return partial(box, cx=cx, cy=cy, w=w, h=h)


def _eyes(apart: float, y: float, r: float) -> tuple[Mark, ...]:
    """A pair of eyes, seen from the front, each with a spark."""
    spots = [(-apart, y), (apart, y)]
    dark: tuple[Mark, ...] = tuple((_dot(x, y, r, 1.2), INK) for x, y in spots)
    return (*dark, *((_dot(x - r * 0.3, y + r * 0.45, r * 0.34), WHITE) for x, y in spots))


def _whiskers(x: Grid, y: Grid) -> Grid:
    lines = [np.abs(y - 0.28 - slope * np.abs(x)) - 0.008 for slope in (-0.12, 0.04)]
    distance: Grid = np.maximum(union(*lines), np.abs(np.abs(x) - 0.24) - 0.1)
    return distance


def _smile(x: Grid, y: Grid) -> Grid:
    distance: Grid = np.maximum(np.abs(circle(x, y, 0, 0.55, 0.13)) - 0.014, y - 0.5)
    return distance


def _scales(x: Grid, y: Grid) -> Grid:
    arcs = [np.abs(np.hypot(x - cx, y) - 0.3) - 0.016 for cx in (-0.3, -0.12)]
    distance: Grid = np.maximum(union(*arcs), np.maximum(np.abs(y) - 0.18, -x - 0.1))
    return distance


MARKS: dict[str, tuple[Mark, ...]] = {
    "cat": (
        (_dot(0, -0.5, 0.24, 1.3), 0.35),
        (partial(triangle, cx=-0.2, base=0.55, w=0.07, h=0.18), PINK),
        (partial(triangle, cx=0.2, base=0.55, w=0.07, h=0.18), PINK),
        (_dot(0, 0.26, 0.12, 0.7), 0.4),
        *_eyes(0.15, 0.41, 0.065),
        (_dot(0, 0.3, 0.035, 0.7), PINK),
        (_whiskers, 0.55),
    ),
    "dog": (
        (_dot(-0.5, 0.36, 0.12, 1.8), -0.35),
        (_dot(0.1, -0.3, 0.34, 0.4), 0.3),
        (_dot(-0.68, 0.4, 0.045), INK),
        (_dot(-0.97, 0.31, 0.05), INK),
    ),
    "bird": ((_dot(0, -0.05, 0.14, 0.7), 0.4), *_eyes(0.07, 0.06, 0.03)),
    "fish": (
        (_dot(-0.12, -0.16, 0.4, 0.3), 0.35),
        (_scales, -0.25),
        (_dot(-0.42, 0.07, 0.075), WHITE),
        (_dot(-0.44, 0.07, 0.042), INK),
    ),
    "tree": ((_box(0, -0.78, 0.1, 0.25), (104, 74, 52)),),
    "house": (
        (partial(triangle, cx=0, base=0.0, w=0.78, h=0.6), -0.35),
        (_box(0, -0.62, 0.13, 0.24), (92, 62, 48)),
        (_box(-0.37, -0.38, 0.11, 0.11), GLOW),
        (_box(0.37, -0.38, 0.11, 0.11), GLOW),
    ),
    "boat": ((_dot(0, -0.35, 0.75, 0.6), -0.3), (partial(triangle, cx=0.02, base=-0.25, w=0.55, h=1.1), 0.6)),
    "robot": (
        (_box(0, 0.56, 0.24, 0.17), -0.6),
        (_dot(-0.11, 0.6, 0.055), (120, 240, 255)),
        (_dot(0.11, 0.6, 0.055), (120, 240, 255)),
        (_smile, (120, 240, 255)),
        (_box(0, -0.1, 0.2, 0.2), 0.3),
        (_dot(0, -0.1, 0.09), (255, 120, 110)),
        (_dot(0, 1.0, 0.07), (255, 120, 110)),
    ),
    "ball": ((_dot(-0.2, 0.22, 0.16), 0.55), (_dot(0.12, -0.2, 0.3), -0.12)),
    "rocket": (
        (partial(triangle, cx=0, base=0.42, w=0.4, h=0.5), (226, 92, 84)),
        (_dot(0, 0.15, 0.14), 0.6),
        (_dot(0, 0.15, 0.1), (110, 190, 240)),
    ),
}
