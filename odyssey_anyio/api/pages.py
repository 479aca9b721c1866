"""Lists that come in pages, as one."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from attrs import frozen

from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_proto.kernel.failures import Failure, FailureKind

MAX_LINES = 1_000_000
"""More lines than any account has."""


@frozen
class Part[T]:
    """One page: its lines, and how many there are on all pages."""

    items: Sequence[T]
    total: int


class Pages[T]:
    """
    Goes through all pages of a list, as an async iterator; each page is asked for when it is needed.

    `load` gives the page at an offset, `name` the id of a line.
    A line that moved to the next page meanwhile, because others came before it, is given once.
    Raises `OdysseyConnectionError` (code `paging.loop`) if a page brings nothing new although the list
    has not grown by as much.
    """

    def __init__(self, load: Callable[[int], Awaitable[Part[T]]], name: Callable[[T], str]) -> None:
        self._load = load
        self._name = name
        self._waiting: deque[T] = deque()
        self._seen: set[str] = set()
        self._offset = 0
        self._total: int | None = None
        self._over = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._offset} loaded{', all' if self._over else ''}>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._waiting:
            if self._over:
                raise StopAsyncIteration
            self._take(await self._load(self._offset))
        return self._waiting.popleft()

    def _take(self, part: Part[T]) -> None:
        fresh = [item for item in part.items if self._name(item) not in self._seen]
        self._seen.update(map(self._name, fresh))
        self._waiting.extend(fresh)
        self._offset += len(part.items)
        self._total = part.total if self._total is None else self._total
        self._over = not part.items or self._offset >= part.total
        # Each line that came before those that are known moves one of them to the next page.
        repeats = not fresh and self._offset - len(self._seen) > part.total - self._total
        if not self._over and (repeats or self._offset >= MAX_LINES):
            self._over = True
            text = "the pages of the list repeat themselves" if repeats else "the list has no end"
            raise error_of(Failure(FailureKind.MALFORMED, text, code="paging.loop"), Calling.REST)
