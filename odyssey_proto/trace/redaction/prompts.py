"""What is left of a prompt, which is for its author to decide."""

import hashlib
import json
import re
from collections.abc import Callable, Container

from odyssey_proto.kernel.text import encodable
from odyssey_proto.trace.policy import Prompts

_DIGEST = re.compile(r"x+\ud800?|prompt[0-9a-f]{0,12}x*\ud800?|p(?:r(?:o(?:m(?:p)?)?)?)?")
_SPACED = re.compile(r"\S+")
_AROUND = ".,;:!?()[]\"'…–—-*%$€£&#+«»“”‘’„"
_BETWEEN = re.compile(r"[-'’&]")

MAX_WORD = 24
"""Longer words of letters, and other ones of more than four characters, are none of a language."""


def digest(text: str, prompts: Prompts) -> str:
    """Returns what stands for a prompt that is not kept: as long as it is in JSON, in bytes."""
    written = json.dumps(text, ensure_ascii=False).encode(errors="replace")
    word = f"prompt{hashlib.blake2b(written, digest_size=6).hexdigest()}" if prompts is Prompts.HASH else ""
    length = len(written) - 2
    return (word + "x" * length)[:length] + ("" if encodable(text) else "\ud800")


def is_digest(text: str) -> bool:
    """Tells whether a text looks like what `digest` gives."""
    return _DIGEST.fullmatch(text) is not None


def plain_words(text: str, close: Callable[[str], str], secrets: Container[str] = frozenset()) -> str:
    """Returns a prompt in which `close` has changed whatever is no word of a language and no short number."""

    def kept(found: re.Match[str]) -> str:
        spaced = found[0]
        core = spaced.strip(_AROUND)
        if not core or (core not in secrets and all(map(_is_plain, _BETWEEN.split(core)))):
            return spaced
        before, _, after = spaced.partition(core)
        return before + close(core) + after

    return _SPACED.sub(kept, text)


def _is_plain(word: str) -> bool:
    if not word.isascii():
        return all(not char.isascii() or char.isalpha() for char in word)
    if len(word) <= 4:
        return word.isalnum() or not word
    return word.isalpha() and len(word) <= MAX_WORD and (word.islower() or word.istitle() or word.isupper())
