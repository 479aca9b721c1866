"""The generated picture: it follows from the prompts alone, and says its number through both codecs."""

import asyncio
import gc
import weakref
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from aiortc.codecs.h264 import H264Decoder, H264Encoder
from aiortc.codecs.vpx import Vp8Decoder, Vp8Encoder
from aiortc.jitterbuffer import JitterFrame
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_anyio.local.video.marker import Marker, read, write
from odyssey_anyio.local.video.scenes.caption import HIGH, MAX_LINES, caption
from odyssey_anyio.local.video.scenes.prompt_words import PLACES, meaning
from odyssey_anyio.local.video.scenes.renderer import Picture, Renderer
from odyssey_anyio.local.video.scenes.shapes import SHAPES
from odyssey_anyio.local.video.scenes.sprite import MARKS
from odyssey_anyio.local.video.track import SceneSource
from odyssey_proto.seam.inputs import MediaKind, PeerId
from odyssey_proto.service.io.film import SIZES, Scene
from odyssey_proto.service.io.seam import Mirror


def scene(*prompts: str, portrait: bool = True) -> Scene:
    return Scene("stream", prompts, portrait)


def drawn(renderer: Renderer, number: int, seconds: float = 0.0) -> Any:
    return renderer.frame(number, seconds, 1_700_000_000_000 + number)


@given(st.lists(st.text(max_size=60), max_size=3).map(tuple))
@settings(max_examples=examples(20), deadline=None)
def test_the_same_prompts_always_give_the_same_picture(prompts: tuple[str, ...]) -> None:
    one, two = (Picture(scene(*prompts)).paint(1.5) for _ in range(2))
    assert np.array_equal(one, two)


def test_every_prompt_changes_the_picture() -> None:
    words = ("A cat in a meadow", "at night", "snow")
    pictures = [Picture(scene(*words[:count])).paint(1.0).astype(int) for count in (1, 2, 3)]
    for before, after in pairwise(pictures):
        assert np.abs(before - after).mean() > 10


def test_things_move() -> None:
    picture = Picture(scene("A dog runs"))
    assert not np.array_equal(picture.paint(1.0), picture.paint(1.2))


def test_words_decide_what_is_shown() -> None:
    night = meaning(("A blue robot at night",))
    assert (night.subject, night.place, night.colour) == ("robot", "night", (66, 122, 220))
    assert meaning(("A cat", "no, a dog")).subject == "dog"
    assert meaning(("xyzzy",)).place in PLACES


def test_every_subject_has_its_marks() -> None:
    assert set(MARKS) == set(SHAPES)


@pytest.mark.parametrize("portrait", [True, False])
def test_a_frame_has_the_size_of_its_orientation(portrait: bool) -> None:
    renderer = Renderer()
    renderer.show(scene("A boat", portrait=portrait), 0.0)
    frame = drawn(renderer, 7, 1.0)
    assert (frame.width, frame.height) == SIZES[portrait]
    assert read(frame.to_ndarray(format="rgb24")) == Marker(7, 1_700_000_000_007)


def test_a_change_is_a_short_transition() -> None:
    renderer = Renderer()
    renderer.show(scene("A cat in a meadow"), 0.0)
    old = drawn(renderer, 1, 4.9).to_ndarray(format="gray").astype(int)
    renderer.show(scene("A cat in a meadow", "in space"), 5.0)
    # Above the caption, which changes at once.
    first, last = (
        np.abs(drawn(renderer, 2, at).to_ndarray(format="gray")[:1000].astype(int) - old[:1000]).mean()
        for at in (5.05, 6.0)
    )
    assert first < last / 2


@pytest.mark.parametrize("words", ["", "x", "日本語 \N{PILE OF POO}", "ü" * 3000, "a\x00b\x1b[31m"])
def test_any_caption_can_be_written(words: str) -> None:
    lines = caption(words, 704)
    assert lines.shape[1] == 704
    assert HIGH <= lines.shape[0] <= MAX_LINES * HIGH


@given(st.integers(0, 2**24 - 1), st.integers(0, 2**48 - 1))
def test_a_marker_is_read_as_it_was_written(number: int, time_ms: int) -> None:
    luma = np.full((64, 704), 90, np.uint8)
    write(luma, Marker(number, time_ms))
    assert read(luma) == Marker(number, time_ms)


@pytest.mark.parametrize("size", [(4, 704), (64, 100), (64, 704)])
def test_where_no_marker_is_none_is_read(size: tuple[int, int]) -> None:
    assert read(np.zeros(size, np.uint8) + 77) is None


@pytest.mark.parametrize(
    ("encoder", "decoder"), [(Vp8Encoder, Vp8Decoder), (H264Encoder, H264Decoder)], ids=["VP8", "H264"]
)
@pytest.mark.parametrize("portrait", [True, False])
def test_the_marker_survives_the_codecs(encoder: type[Any], decoder: type[Any], portrait: bool) -> None:
    coder, reader, renderer = encoder(), decoder(), Renderer()
    renderer.show(scene("A cat in falling snow", portrait=portrait), 0.0)
    found = []
    for number in range(30):
        frame = drawn(renderer, number, number / 24)
        frame.pts, frame.time_base = number * 3750, Fraction(1, 90000)
        payloads, timestamp = coder.encode(frame, force_keyframe=number == 0)
        depacketized = b"".join(_depacketized(encoder, payload) for payload in payloads)
        decoded = reader.decode(JitterFrame(depacketized, timestamp))
        found += [read(each.to_ndarray(format="rgb24")) for each in decoded]
    numbers = [marker.number for marker in found if marker is not None]
    assert len(numbers) == len(found) >= 28
    assert numbers == sorted(set(numbers))


def _depacketized(encoder: type[Any], payload: bytes) -> bytes:
    from aiortc.codecs.h264 import h264_depayload
    from aiortc.codecs.vpx import vp8_depayload

    return (vp8_depayload if encoder is Vp8Encoder else h264_depayload)(payload)


def test_a_track_is_forgotten_when_its_peer_is_gone() -> None:
    source = SceneSource()
    host, viewer = PeerId(1), PeerId(2)
    source.track(host)
    source.show(Mirror(viewer, host))
    source.track(viewer)
    shown = weakref.ref(source._tracks[host, MediaKind.VIDEO])
    source.drop(viewer)
    source.drop(host)
    gc.collect()
    assert shown() is None


def test_nothing_is_drawn_for_a_peer_that_is_gone() -> None:
    async def main() -> None:
        source = SceneSource()
        track = source.track(PeerId(1))
        await track.recv()
        source.drop(PeerId(1))
        async with asyncio.timeout(10):
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.01)

    asyncio.run(main())
