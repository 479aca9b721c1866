"""What stands for an image in a replay becomes its stand-in again."""

import pytest

from odyssey_proto.trace.blobs import expand, fold, stood_for

DIGEST = "0123456789abcdef" * 2


@pytest.mark.parametrize("digest", [DIGEST, "-"])
@pytest.mark.parametrize("length", [32, 33, 63, 64, 9600])
def test_text_of_the_same_length_is_folded_again(length: int, digest: str) -> None:
    text = f'{{"image": "data:image/png;base64,<blob {length} {digest}>", "escaped": \\"x\\"}}'
    whole = expand(text)
    assert len(whole) == len(text) - len(f"<blob {length} {digest}>") + length
    assert fold(whole) == text
    assert stood_for(text) == length
    assert stood_for(whole) == 0


@pytest.mark.parametrize(
    "text",
    [
        "no image",
        "data:image/png;base64,",
        "x;base64,0000",
        "x;base64," + "iVBORw0KGgo" * 9,
        "x;base64," + "ab" * 40 + "c",
    ],
)
def test_what_did_not_stand_for_an_image_stays(text: str) -> None:
    assert fold(text) == text
