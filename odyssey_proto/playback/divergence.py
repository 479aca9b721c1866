"""Where a client goes another way than in its trace."""

import difflib
from collections.abc import Iterable, Iterator

from attrs import frozen

from odyssey_proto.playback.content import Content
from odyssey_proto.playback.moves import MessageKey
from odyssey_proto.service.io.seam import Noted, ServiceOutput

MAX_DIVERGENCES = 1000
"""The most differences that are kept: the first ones matter."""


@frozen
class Divergence:
    """
    One difference between what a client does and what it did.

    Nothing was recorded if `expected` is `None`, nothing came if `came` is.
    """

    key: MessageKey
    expected: Content | None
    came: Content | None

    @property
    def summary(self) -> str:
        """The difference in one line."""
        if self.expected is None:
            return f"{self.key}: not in the trace"
        if self.came is None:
            return f"{self.key}: in the trace, but it did not come"
        return f"{self.key}: not as recorded"

    @property
    def text(self) -> str:
        """The difference for a reader; secrets and images are left out."""
        expected = [] if self.expected is None else self.expected.lines
        came = [] if self.came is None else self.came.lines
        diff = difflib.unified_diff(expected, came, "recorded", "came", lineterm="")
        return "\n".join([self.summary, *(f"  {line}" for line in diff)])


class Differences:
    """The differences until now, the first of them."""

    def __init__(self) -> None:
        self._found: list[Divergence] = []

    def __iter__(self) -> Iterator[Divergence]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def add(self, found: Iterable[Divergence]) -> list[ServiceOutput]:
        """Keeps what was found, as long as there is room, and returns what is noted of it."""
        outputs: list[ServiceOutput] = []
        for each in found:
            if len(self._found) < MAX_DIVERGENCES:
                self._found.append(each)
            outputs.append(Noted(each.summary))
        return outputs


class DivergenceError(Exception):
    """A client went another way than its trace; `divergences` say where and how."""

    def __init__(self, divergences: tuple[Divergence, ...]) -> None:
        first, *others = divergences
        super().__init__(f"{first.summary} (and {len(others)} more)" if others else first.summary)
        self.divergences = divergences

    @property
    def text(self) -> str:
        """All of them for a reader."""
        return "\n".join(divergence.text for divergence in self.divergences)

    @property
    def first(self) -> str:
        """The first of them for a reader; the others mostly follow from it."""
        first, *others = self.divergences
        return f"{first.text}\n(and {len(others)} more, which may follow from it)" if others else first.text

    def __reduce__(self) -> tuple[object, ...]:
        return (DivergenceError, (self.divergences,))
