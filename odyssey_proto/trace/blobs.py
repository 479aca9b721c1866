"""
Images in a trace: a megabyte that says nothing becomes a stand-in of a few bytes.

A data URL `data:image/jpeg;base64,/9j/4AAQ…` becomes `data:image/jpeg;base64,<blob 33000000 9f86d0…>`,
its length and digest.
For a replay it becomes text of the same length again, because a message's way depends on its size.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from attrs import evolve

from odyssey_proto.kernel.introspection import changed, fields_of
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.trace.policy import Images
from odyssey_proto.trace.values import Step

MIN_BLOB_CHARS = 4096
"""Images with fewer characters than this stay as they are in memory."""

MAX_IMAGE_CHARS = 48 * 1024 * 1024
"""The longest image that a stand-in may stand for; a larger one cannot be sent."""

MAX_STAND_IN_CHARS = 2 * 1024 * 1024 * 1024
"""The most characters that all stand-ins of a trace stand for: a replay handles each of them."""

MARK = ";base64,"

_INNER = re.compile(r"<blob ([0-9]{1,9}) ([0-9a-f]{32}|-)>")
_STAND_IN = re.compile(MARK + _INNER.pattern)


def condensed(step: Step, images: Images, shortest: int = MIN_BLOB_CHARS) -> Step:
    """Returns a step with stand-ins for its images of `shortest` characters or more; itself without any."""
    return _rewritten(step, lambda text: condense(text, images, shortest), condensed=True)


def expanded(step: Step) -> Step:
    """Returns a step with text of the same length in the place of stand-ins."""
    return _rewritten(step, expand, condensed=False) if step.condensed else step


def folded(step: Step) -> Step:
    """Returns a step with stand-ins again in the place of what `expanded` had put there."""
    return _rewritten(step, fold, condensed=True)


def condense(text: str, images: Images, shortest: int = MIN_BLOB_CHARS) -> str:
    """Returns a text with stand-ins for the images in it."""
    if images is Images.KEEP or len(text) < shortest or MARK not in text:
        return text
    return _replaced(text, lambda image: _stand_in(image, images) if shortest <= len(image) else image)


def expand(text: str) -> str:
    """Returns a text with text of the same length in the place of stand-ins."""
    return _STAND_IN.sub(_expanded, text)


def fold(text: str) -> str:
    """Returns a text with stand-ins in the place of the text that stood for them."""
    return _replaced(text, _folded) if MARK in text else text


def stood_for(text: str) -> int:
    """
    Returns how many characters the stand-ins in a text stand for; 0 if there are none.

    Raises `ValueError` if that is more than any message could hold.
    """
    if "<blob " not in text:
        return 0
    length = sum(int(found[1]) for found in _STAND_IN.finditer(text))
    if length > 2 * MAX_IMAGE_CHARS:
        raise ValueError("stand-ins stand for more than any image")
    return length


def _replaced(text: str, change: Callable[[str], str]) -> str:
    pieces: list[str] = []
    done = 0
    while (begins := text.find(MARK, done)) >= 0:
        begins += len(MARK)
        quote = text.find('"', begins)
        ends = len(text) if quote < 0 else quote - (text[quote - 1] == "\\")
        pieces += text[done:begins], change(text[begins:ends])
        done = ends
    return "".join(pieces) + text[done:]


def _stand_in(image: str, images: Images) -> str:
    earlier = _INNER.match(image)
    if earlier is not None:
        return f"<blob {earlier[1]} {earlier[2] if images is Images.HASH else '-'}>{image[earlier.end() :]}"
    hashed = images is Images.HASH
    digest = hashlib.blake2b(image.encode(errors="replace"), digest_size=16).hexdigest() if hashed else "-"
    return f"<blob {len(image)} {digest}>"


def _expanded(found: re.Match[str]) -> str:
    return MARK + _filler(int(found[1]), found[2])


def _filler(length: int, digest: str) -> str:
    unit = digest if digest != "-" else "0"
    return (unit * (length // len(unit) + 1))[:length]


def _folded(image: str) -> str:
    # A shorter one does not say all of its digest.
    if len(image) >= 32:
        for digest in ("-", image[:32]):
            stand_in = f"<blob {len(image)} {digest}>"
            if _INNER.fullmatch(stand_in) and image == _filler(len(image), digest):
                return stand_in
    return image


def _rewritten(step: Step, change: Callable[[str], str], *, condensed: bool) -> Step:
    inp, outputs = _mapped(step.inp, change), _mapped(step.outputs, change)
    if inp is step.inp and outputs is step.outputs:
        return step
    return evolve(step, inp=inp, outputs=outputs, condensed=condensed)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Returns a value with every text in it changed; what holds none is the same object."""
    match value:
        case str() if type(value) is str:
            return change(value)
        case bytes() if MARK.encode() in value:
            return change(value.decode(errors="surrogateescape")).encode(errors="surrogateescape")
        case tuple() | list():
            mapped = type(value)(_mapped(item, change) for item in value)
            return value if all(new is old for new, old in zip(mapped, value, strict=True)) else mapped
        case dict():
            changed_items = {key: _mapped(item, change) for key, item in value.items()}
            return value if all(new is value[key] for key, new in changed_items.items()) else changed_items
        case Secret():
            return value
        case _:
            return _mapped_value(value, change)


def _mapped_value(value: Any, change: Callable[[str], str]) -> Any:
    old = {
        each.name: getattr(value, each.name) for each in fields_of(type(value)) if each.argument is not None
    }
    new = _mapped(old, change)
    return value if new is old else changed(value, new)
