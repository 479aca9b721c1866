"""The only randomness in the core: a seed, and what is drawn from it."""

import hashlib

from odyssey_proto.kernel.machine import Span

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Entropy:
    """
    Returns numbers that look random and depend on nothing but the seed and the order of draws.

    It is a BLAKE2b counter, so equal seeds give equal runs on every platform and version.
    It serves jitter and ids; secrets drawn from it are as good as the seed.
    """

    def __init__(self, seed: bytes) -> None:
        self._key = hashlib.blake2b(seed, digest_size=32).digest()
        self._draws = 0

    def draw(self, size: int) -> bytes:
        """Returns the next `size` bytes (at most 64)."""
        self._draws += 1
        counter = self._draws.to_bytes(8, "big")
        return hashlib.blake2b(counter, key=self._key, digest_size=size).digest()

    def below(self, bound: int) -> int:
        """Returns a whole number from 0 up to but not including `bound`."""
        return int.from_bytes(self.draw(16), "big") % bound

    def span(self, longest: Span) -> Span:
        """Returns a span from zero to `longest`, both included: full jitter."""
        return Span(self.below(longest + 1))

    def word(self, length: int) -> str:
        """Returns `length` (at most 64) lower-case letters and digits, fit for an id."""
        number = int.from_bytes(self.draw(64), "big") % len(_ALPHABET) ** length
        letters: list[str] = []
        for _ in range(length):
            number, rest = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[rest])
        return "".join(letters)
