"""What stands still in a picture: sky, light, hills, or the user's image; at half the size of the frame."""

import base64
import binascii
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from odyssey_anyio.local.video.scenes.prompt_words import Meaning, Rgb

type Canvas = NDArray[np.float32]
"""RGB, 0 to 255, (height, width, 3)."""

MAX_PIXELS = 64_000_000


def landscape(meaning: Meaning, width: int, height: int) -> Canvas:
    """Paints a place."""
    rng = np.random.default_rng(meaning.seed)
    palette = meaning.palette
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    canvas = _mix(palette.sky_top, palette.sky_low, np.clip(down / 0.62, 0, 1) ** 1.2)
    canvas = np.broadcast_to(canvas, (height, width, 3)).astype(np.float32)
    _light(canvas, meaning, rng)
    for layer in range(4):
        _hill(canvas, meaning, layer, rng)
    _grain(canvas, rng)
    return canvas


def photograph(data_url: str, width: int, height: int) -> Canvas | None:
    """Returns the user's image, scaled to cover and cropped at the centre; `None` if it cannot be read."""
    import av
    from av.error import FFmpegError  # Not before av is whole: another thread may load it just then.

    try:
        data = base64.b64decode(data_url.partition(",")[2], validate=True)
        with av.open(BytesIO(data), "r") as container:
            stream = container.streams.video[0]
            if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
                return None
            frame = next(container.decode(stream))
        scale = max(width / frame.width, height / frame.height)
        wide, high = max(width, round(frame.width * scale)), max(height, round(frame.height * scale))
        picture = frame.to_ndarray(format="rgb24", width=wide, height=high)
    except (binascii.Error, ValueError, IndexError, StopIteration, FFmpegError):
        return None
    left, top = (wide - width) // 2, (high - height) // 2
    return picture[top : top + height, left : left + width].astype(np.float32)


def _light(canvas: Canvas, meaning: Meaning, rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    y, x = np.ogrid[:height, :width]
    size = min(width, height)
    cx, cy = width * rng.uniform(0.25, 0.75), height * rng.uniform(0.14, 0.3)
    away = np.hypot(x - cx, y - cy).astype(np.float32)[:, :, None] / size
    glow = 0.55 * np.exp(-((away / 0.32) ** 2)) + np.clip((0.1 - away) * size / 2, 0, 1)
    canvas += (np.array(meaning.palette.light, np.float32) - canvas) * np.clip(glow, 0, 1)


def _hill(canvas: Canvas, meaning: Meaning, layer: int, rng: np.random.Generator) -> None:
    height, width = canvas.shape[:2]
    x = np.linspace(0, 1, width, dtype=np.float32)
    sharp = {"city": 9, "snow": 3, "ocean": 0.3, "desert": 0.7}.get(meaning.place, 1.0)
    line = np.zeros(width, np.float32)
    for octave in range(1, 5):
        phase = rng.uniform(0, 2 * np.pi)
        line += np.sin(x * octave * 2.4 * (1 + 0.4 * sharp) + phase + layer) / octave
    if meaning.place == "city":
        line = np.repeat(line[:: max(1, width // 24)], max(1, width // 24) + 1)[:width]
    top = height * (0.5 + 0.12 * layer) + line * height * 0.035 * min(sharp, 2.2)
    rows = np.arange(height, dtype=np.float32)[:, None]
    cover = np.clip(rows - top[None, :], 0, 1)[:, :, None]
    depth = np.clip((rows - top[None, :]) / (height * 0.4), 0, 1)[:, :, None]
    colour = _mix(meaning.palette.far, meaning.palette.near, np.float32(layer / 3))
    canvas += (colour * (1 - 0.35 * depth) - canvas) * cover


def _grain(canvas: Canvas, rng: np.random.Generator) -> None:
    # A little noise, so that codecs do not turn the sky into bands.
    canvas += rng.uniform(-1.5, 1.5, canvas.shape).astype(np.float32)
    np.clip(canvas, 0, 255, out=canvas)


def _mix(one: Rgb, other: Rgb, share: "NDArray[np.float32] | np.float32") -> NDArray[np.float32]:
    first, second = np.array(one, np.float32), np.array(other, np.float32)
    return (first + (second - first) * share).astype(np.float32)
