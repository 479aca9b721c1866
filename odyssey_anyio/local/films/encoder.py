"""Draws a film into files: the video, a preview, a thumbnail, and what happened."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from odyssey_anyio.local.video.scenes.renderer import Renderer
from odyssey_proto.service.io.film import EVENTS, PREVIEW, RATE, SIZES, THUMBNAIL, VIDEO, Film

SMALLER = 2
"""A preview has every second frame, at half the width and height."""


class StoppedError(Exception):
    """Nobody wants the film any more."""


def draw(film: Film, folder: Path, stopped: Callable[[], bool]) -> dict[str, int]:
    """
    Writes the files of a film into a folder and returns their lengths in bytes; takes a while.

    Raises `StoppedError` soon after `stopped` says so.
    """
    import av

    width, height = SIZES[film.portrait]
    with (
        av.open(str(folder / VIDEO), "w", options={"movflags": "faststart"}) as video,
        av.open(str(folder / PREVIEW), "w", options={"movflags": "faststart"}) as preview,
    ):
        whole = _stream(video, width, height, RATE, "21")
        small = _stream(preview, width // SMALLER, height // SMALLER, RATE // SMALLER, "28")
        for number, frame in enumerate(_frames(film)):
            if stopped():
                raise StoppedError
            if number == film.frame_count // 2:
                _write_jpeg(folder / THUMBNAIL, frame)
            _mux(video, whole, frame, number)
            if number % SMALLER == 0:
                _mux(preview, small, frame.reformat(small.width, small.height), number // SMALLER)
        for container, stream in ((video, whole), (preview, small)):
            container.mux(stream.encode(None))
    (folder / EVENTS).write_bytes(film.events)
    return {name: (folder / name).stat().st_size for name in (VIDEO, PREVIEW, THUMBNAIL, EVENTS)}


def _frames(film: Film) -> Iterator[Any]:
    """Returns the frames; each says its number, and its time counted from the beginning."""
    renderer = Renderer()
    showing = -1
    for number in range(film.frame_count):
        seconds = number / RATE
        shot = film.scene_at(number)
        if shot != showing:
            renderer.show(film.shots[shot].scene, seconds)
            showing = shot
        yield renderer.frame(number, seconds, round(seconds * 1000))


def _stream(container: Any, width: int, height: int, rate: int, quality: str) -> Any:
    stream = container.add_stream("libx264", rate=rate)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.options = {"preset": "ultrafast", "crf": quality, "threads": "1"}
    stream.codec_context.time_base = Fraction(1, rate)
    return stream


def _mux(container: Any, stream: Any, frame: Any, number: int) -> None:
    frame.pts, frame.time_base = number, stream.codec_context.time_base
    container.mux(stream.encode(frame))


def _write_jpeg(path: Path, frame: Any) -> None:
    import av

    with av.open(str(path), "w", format="image2") as container:
        stream: Any = container.add_stream("mjpeg")
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuvj420p"
        picture = frame.reformat(format="yuvj420p")
        picture.pts = None
        for one in (picture, None):
            container.mux(stream.encode(one))
