"""The garbage collector, while something is made that stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """
    Keeps the garbage collector from going through what is imported, on the way and afterwards.

    An application that had turned it off, or had frozen what is there, finds it as it was.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():
                # There and back makes everything old, at no cost: the next round is for what is young.
                gc.freeze()
                gc.unfreeze()
            gc.enable()
