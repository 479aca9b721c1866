"""
JSON as it was written, piece by piece: names, texts and numbers change, all else stays.

What is no JSON, or only its beginning, is taken apart just as well, and stays none: what a reader of
JSON thinks of a text is the same afterwards.
"""

import json
import re
from collections.abc import Callable
from functools import partial

from attrs import frozen

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*+")(?P<names>(?=\s*:))?'
    r"|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.:+-]))"
    r"|(?P<literal>(?:true|false|null|NaN|-?Infinity)(?![A-Za-z0-9_]))"
    r"|(?P<open>[{\[])|(?P<close>[}\]])|(?P<comma>[,:\s]+)"
    r'|(?P<other>[^{}\[\],:\s"]+)|(?P<quote>")',
    re.DOTALL,
)


@frozen
class Changes:
    """What becomes of the pieces of a JSON text; texts and numbers come after the name they stand under."""

    name: Callable[[str], str]
    text: Callable[[str, str], str]
    number: Callable[[str, str], str]
    rest: Callable[[str], str]
    """For what is no JSON."""


def in_json(text: str, changes: Changes, name: str = "") -> str:
    """Returns a JSON text with its pieces changed; `name` is that of the whole."""
    pieces: list[str] = []
    # The name of what comes next, for each object and array that is open.
    names = [name]
    expected = True
    for found in _TOKEN.finditer(text):
        piece = found[0]
        match found.lastgroup:
            case "names":
                names[-1] = _read(piece) or ""
                pieces.append(_changed(piece, changes.name, changes.rest))
            case "string":
                pieces.append(_changed(piece, partial(changes.text, names[-1]), changes.rest))
            case "number" if expected:
                pieces.append(changes.number(names[-1], piece))
            case "open":
                # An array's items have the name of the array, the members of an object their own.
                names.append(names[-1] if piece == "[" else "")
                pieces.append(piece)
            case "close":
                names[1:] = names[1:-1]
                pieces.append(piece)
            case "quote":
                # A text without its end, which all the rest may belong to.
                return "".join(pieces) + piece + changes.rest(text[found.end() :])
            case "other" | "number":
                pieces.append(changes.rest(piece))
            case _:
                pieces.append(piece)
        # Elsewhere digits are a part of something else, such as an address.
        match found.lastgroup:
            case "comma":
                expected = expected or "," in piece
            case kind:
                expected = kind in ("names", "open")
    return "".join(pieces)


def _changed(literal: str, change: Callable[[str], str], rest: Callable[[str], str]) -> str:
    plain = _read(literal)
    if plain is None:
        broken = f'"{rest(literal[1:-1])}"'
        return broken if _read(broken) is None else rf'"\x{broken[1:]}'
    changed = change(plain)
    return literal if changed == plain else _written(changed)


def _read(literal: str) -> str | None:
    try:
        return str(json.loads(literal))
    except ValueError:
        return None


def _written(text: str) -> str:
    # Half a surrogate pair can be said in JSON, but not in UTF-8.
    return json.dumps(text, ensure_ascii=False).replace("\ud800", r"\ud800")
