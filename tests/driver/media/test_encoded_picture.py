"""The size of a picture is known before it is decoded, from what real encoders write."""

import pytest
from house.video_pair import encoded
from hypothesis import given
from hypothesis import strategies as st

from odyssey_anyio.media.encoded_picture import EncodedPicture, read_picture

SIZES = [(64, 64), (1280, 704), (704, 1280), (320, 242), (1922, 1082)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_keyframe_of_vp8(width: int, height: int) -> None:
    first, second = encoded("libvpx", width, height, 2)
    assert read_picture("VP8", bytes(first)) == EncodedPicture(True, width, height)
    assert read_picture("VP8", bytes(second)) == EncodedPicture(False)


@pytest.mark.parametrize("profile", ["Baseline", "Main", "High"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_keyframe_of_h264(width: int, height: int, profile: str) -> None:
    first, second = encoded("libx264", width, height, 2, profile)
    found = read_picture("H264", bytes(first))
    # Whole blocks of 16 are decoded, and what is too much is cut off.
    assert found == EncodedPicture(True, -(-width // 16) * 16, -(-height // 16) * 16)
    assert read_picture("h264", bytes(second)) == EncodedPicture(False)


def test_the_largest_of_several_sizes_counts_wherever_it_stands() -> None:
    large, small = (bytes(encoded("libx264", size, size)[0]) for size in (640, 64))
    for data in (small + large, large + small, b"\x00\x00\x00\x01\x09" + small + large):
        assert read_picture("H264", data) == EncodedPicture(True, 640, 640)


def sps(profile: int, *bits: str) -> bytes:
    """Returns a parameter set of H264 from its bits."""
    text = "".join(bits) + "1"
    text += "0" * (-len(text) % 8)
    return b"\x00\x00\x01\x67" + bytes([profile, 0, 31]) + int(text, 2).to_bytes(len(text) // 8)


def ue(number: int) -> str:
    """Returns a number in Exp-Golomb code."""
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits


ORDER = (ue(0), ue(0))
"""The usual order of output."""

END = (ue(0), "0", ue(999), ue(499), "1")
"""Frames in memory, gaps; and 16000 x 8000 pixels."""


@pytest.mark.parametrize(
    "unit",
    [
        sps(66, ue(0), ue(0), *ORDER, *END),
        sps(66, ue(0), ue(0), ue(1), "0", ue(1), ue(2), ue(2), ue(1), ue(2), *END),
        sps(66, ue(0), ue(0), ue(2), *END),
        sps(100, ue(0), ue(1), ue(0), ue(0), "0", "0", ue(0), *ORDER, *END),
        sps(244, ue(0), ue(3), "0", ue(0), ue(0), "0", "1", "1", ue(16), *"0" * 11, ue(0), ue(2), *END),
        sps(100, ue(0), ue(1), ue(0), ue(0), "0", "1", *"0" * 7, "1", ue(1) * 64, ue(0), ue(2), *END),
    ],
)
def test_every_form_of_a_parameter_set(unit: bytes) -> None:
    found = read_picture("H264", unit)
    assert (found.width, found.height) == (16_000, 8_000)


def test_interlaced_pictures_are_twice_as_high() -> None:
    assert read_picture("H264", sps(66, ue(0), ue(0), *ORDER, *END[:-1], "0")).height == 16_000


@pytest.mark.parametrize(
    ("codec", "data"),
    [
        ("VP8", b""),
        ("VP8", b"\x10\x00\x00"),
        ("VP8", b"\x10\x00\x00\x9d\x01\x2b\x01\x00\x01\x00"),
        ("H264", b""),
        ("H264", b"\x00\x00\x01"),
        ("H264", b"no start code"),
        ("H264", b"\x00\x00\x01\x67\x42"),
        ("H264", b"\x00\x00\x01\x67\x42\x00\x1f" + bytes(40)),
        ("AV1", b"\x12\x00"),
    ],
)
def test_what_is_malformed_is_refused(codec: str, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_picture(codec, data)


@given(st.sampled_from(["VP8", "H264"]), st.binary(max_size=80), st.booleans())
def test_nothing_else_is_ever_raised(codec: str, data: bytes, parameters: bool) -> None:
    data = (b"\x00\x00\x01\x67" if parameters else b"") + data
    try:
        picture = read_picture(codec, data)
    except ValueError:
        return
    assert picture.pixels >= 0
