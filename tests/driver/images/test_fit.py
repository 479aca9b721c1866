"""Any size is made to that of a stream: no border, no shift, no failure."""

import numpy as np
import pytest
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from odyssey_anyio.images.fit import LANDSCAPE, PORTRAIT
from odyssey_anyio.images.fit import fit as fit_image

SIDES = st.one_of(st.integers(1, 40), st.integers(41, 3000))
SIZES = st.sampled_from([PORTRAIT, LANDSCAPE])


def fit(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(fit_image(Image.fromarray(pixels), (width, height)))


@settings(deadline=None, max_examples=examples(60))
@given(SIDES, SIDES, SIZES)
def test_no_border_at_any_size(width: int, height: int, size: tuple[int, int]) -> None:
    fitted = fit(np.full((height, width, 3), 200, np.uint8), *size)
    assert fitted.shape == (size[1], size[0], 3)
    assert fitted.min() >= 199
    assert fitted.max() <= 201


@pytest.mark.parametrize("size", [PORTRAIT, LANDSCAPE])
@pytest.mark.parametrize(
    ("width", "height"),
    [(2060, 1133), (1279, 703), (1281, 705), (705, 1281), (703, 1280), (1, 5000), (5000, 1), (2, 2), (1, 1)],
)
def test_sizes_that_rounding_gets_wrong(width: int, height: int, size: tuple[int, int]) -> None:
    fitted = fit(np.full((height, width, 3), 255, np.uint8), *size)
    assert fitted.shape == (size[1], size[0], 3)
    assert fitted.min() >= 254


@settings(deadline=None, max_examples=examples(30))
@given(st.integers(20, 1500), st.integers(20, 1500), SIZES)
def test_the_middle_stays_in_the_middle(width: int, height: int, size: tuple[int, int]) -> None:
    """A picture that is the same from both sides is so afterwards as well."""
    across = np.abs(np.linspace(-1, 1, width))
    down = np.abs(np.linspace(-1, 1, height))
    grey = (127 * (across[None, :] + down[:, None])).astype(np.uint8)
    fitted = fit(np.repeat(grey[:, :, None], 3, axis=2), *size).astype(int)
    assert np.abs(fitted - fitted[:, ::-1]).mean() < 3
    assert np.abs(fitted - fitted[::-1]).mean() < 3


def test_what_fits_is_not_touched() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (1280, 704, 3), dtype=np.uint8)
    assert np.array_equal(fit(pixels, *PORTRAIT), pixels)
