"""Draws a scene, frame by frame: what moves over what stands still, the caption, the marker."""

from functools import lru_cache
from typing import Any

import numpy as np
from attrs import evolve
from numpy.typing import NDArray

from odyssey_anyio.local.video.marker import CELL, Marker, write
from odyssey_anyio.local.video.scenes.canvas import landscape, photograph
from odyssey_anyio.local.video.scenes.caption import caption
from odyssey_anyio.local.video.scenes.prompt_words import meaning
from odyssey_anyio.local.video.scenes.sprite import shadow, sprite
from odyssey_proto.service.io.film import SIZES, Scene

FADE = 0.6
"""How long one picture turns into the next, in seconds."""

IDLE_SCENE = Scene("", ("Odyssey local service: waiting for a prompt",))

MAX_PICTURES_KEPT = 8
"""How many pictures are kept that may be shown again, of 2 MB each; one is painted in 30 ms."""

PARTICLES = 140

GROUNDED = frozenset({"cat", "dog", "robot", "house", "tree", "ball"})
"""The subjects that throw a shadow on the ground."""


class Picture:
    """One state of a scene; `paint` depends on nothing but the time since it began."""

    def __init__(self, scene: Scene) -> None:
        self.portrait: bool = scene.portrait
        self.width: int
        self.height: int
        self.width, self.height = SIZES[scene.portrait]
        wide, high = self.width // 2, self.height // 2
        self._meaning = meaning(scene.prompts)
        image = None if scene.image is None else photograph(scene.image, wide, high)
        still = landscape(self._meaning, wide, high) if image is None else image
        self._still = still.astype(np.uint8)
        size = int(min(wide, high) * 0.55)
        self._subject = sprite(self._meaning.subject, self._meaning.colour, size)
        self._shadow = shadow(size) if self._meaning.subject in GROUNDED else None
        self._rng_seed = self._meaning.seed
        rng = np.random.default_rng(self._rng_seed + 1)
        self._dust = rng.uniform(0, 1, (PARTICLES, 4)).astype(np.float32)
        self.words: NDArray[np.float32] = caption(scene.prompts[-1] if scene.prompts else "", self.width)

    def paint(self, seconds: float) -> NDArray[np.uint8]:
        """Returns the picture at half size: RGB, (height, width, 3)."""
        canvas = self._still.copy()
        self._particles(canvas, seconds)
        self._place_subject(canvas, seconds)
        return canvas

    def _place_subject(self, canvas: NDArray[np.uint8], seconds: float) -> None:
        height, width = canvas.shape[:2]
        size = self._subject.shape[0]
        pace = self._meaning.pace
        bob = abs(np.sin(seconds * 2.1 * pace)) if pace > 1.5 else 0.5 + 0.5 * np.sin(seconds * 1.3 * pace)
        left = round((width - size) * (0.5 + 0.36 * np.sin(seconds * 0.55 * pace)))
        top = round((height - size) * 0.66 - bob * size * (0.24 if pace > 1.5 else 0.06))
        if self._shadow is not None:
            ground = round((height - size) * 0.66 + size * 0.88)
            below = canvas[ground : ground + self._shadow.shape[0], left : left + size]
            below[:] = (below * (1 - self._shadow[:, :, None])).astype(np.uint8)
        region = canvas[top : top + size, left : left + size]
        paint, cover = self._subject[:, :, :3], self._subject[:, :, 3:]
        region[:] = (region + (paint - region) * cover).astype(np.uint8)

    def _particles(self, canvas: NDArray[np.uint8], seconds: float) -> None:
        weather = self._meaning.weather
        if weather is None:
            return
        height, width = canvas.shape[:2]
        dx, dy, high, colour = _WEATHER[weather]
        x, y, speed, shine = self._dust.T
        rate = 0.5 + speed
        at_x = ((x + seconds * dx * rate + 0.01 * np.sin(seconds * 2 + shine * 6)) % 1 * (width - 3)).astype(
            int
        )
        at_y = ((y + seconds * dy * rate) % 1 * (height - high)).astype(int)
        bright = shine if weather in ("stars", "fireflies") else np.ones_like(shine)
        twinkle = 0.55 + 0.45 * np.sin(seconds * 3 + shine * 40)
        weight = (np.clip(bright + 0.3, 0, 1) * twinkle)[:, None]
        for down in range(high):
            for across in range(2 if high < 5 else 1):
                spot = canvas[at_y + down, at_x + across].astype(np.float32)
                canvas[at_y + down, at_x + across] = (spot + (np.array(colour) - spot) * weight).astype(
                    np.uint8
                )


@lru_cache(MAX_PICTURES_KEPT)
def _kept(scene: Scene) -> Picture:
    return Picture(scene)


def picture_of(scene: Scene | None) -> Picture:
    """Returns the picture of a scene; without one, that of a service that waits."""
    if scene is None:
        return _kept(IDLE_SCENE)
    # An image may be large, and is seldom shown again.
    return _kept(evolve(scene, stream_id="")) if scene.image is None else Picture(scene)


_WEATHER: dict[str, tuple[float, float, int, tuple[int, int, int]]] = {
    "rain": (0.03, 1.3, 9, (190, 214, 240)),
    "snow": (0.02, 0.16, 3, (255, 255, 255)),
    "sparks": (0.02, -0.35, 2, (255, 196, 92)),
    "fireflies": (0.03, 0.02, 3, (240, 255, 150)),
    "stars": (0.004, 0.0, 2, (255, 255, 250)),
}


class Renderer:
    """Draws what is to be shown; a change of the scene is a short transition."""

    def __init__(self) -> None:
        self._picture = picture_of(None)
        self._began = 0.0
        self._last: NDArray[np.uint8] | None = None

    def show(self, scene: Scene | None, seconds: float) -> None:
        """Changes the scene at this moment of the track."""
        before = self._picture
        after = picture_of(scene)
        same = before.portrait is after.portrait
        self._last = before.paint(seconds - self._began) if same else None
        self._picture, self._began = after, seconds

    def frame(self, number: int, seconds: float, time_ms: int) -> Any:
        """Returns frame `number` at `seconds` of the track, as an av.VideoFrame (yuv420p)."""
        import av

        picture = self._picture
        canvas = self._faded(picture.paint(seconds - self._began), seconds)
        small = av.VideoFrame.from_ndarray(canvas, format="rgb24")
        frame = small.reformat(
            picture.width, picture.height, "yuv420p", interpolation="FAST_BILINEAR", threads=1
        )
        luma = _luma(frame)
        _letter(luma, picture.words)
        write(luma, Marker(number, time_ms))
        _grey(frame)
        return frame

    def _faded(self, canvas: NDArray[np.uint8], seconds: float) -> NDArray[np.uint8]:
        share = (seconds - self._began) / FADE
        if self._last is None or share >= 1 or self._last.shape != canvas.shape:
            self._last = None
            return canvas
        old = self._last.astype(np.float32)
        return (old + (canvas.astype(np.float32) - old) * max(0.0, share)).astype(np.uint8)


def _luma(frame: Any) -> NDArray[np.uint8]:
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def _grey(frame: Any) -> None:
    """Takes the colour out of the marker's rows."""
    for plane in frame.planes[1:]:
        whole = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        whole[-CELL // 2 :] = 128


def _letter(luma: NDArray[np.uint8], words: "NDArray[np.float32]") -> None:
    """Writes the caption on a darkened band near the lower edge."""
    height = words.shape[0]
    bottom = luma.shape[0] - 56
    band = luma[bottom - height - 12 : bottom + 12]
    np.multiply(band, 0.55, out=band, casting="unsafe")
    lines = luma[bottom - height : bottom]
    mixed = lines + (235 - lines.astype(np.float32)) * words
    lines[:] = mixed.astype(np.uint8)
