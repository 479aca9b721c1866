"""Refuses what the core and what shows its traces must not do: files, sockets, clocks, chance."""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import odyssey.inspect
import odyssey_proto

CORE = str(Path(odyssey_proto.__file__).parent) + os.sep
INSPECT = str(Path(odyssey.inspect.__file__).parent) + os.sep
OUTSIDE = (
    "open",
    "os.",
    "shutil.",
    "socket.",
    "ssl.",
    "subprocess.",
    "_thread.start_",
)
"""Audit events (PEP 578) of the outside world, by prefix."""

CLOCKS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep")
CHANCE = ("random", "randint", "randrange", "getrandbits", "choice", "shuffle", "uniform", "randbytes")

ALLOWED = tuple(os.sep + name + os.sep for name in ("wsproto", "coverage", "hypothesis"))
"""
Who may reach outside in the core's name.

wsproto draws the masks of RFC 6455 section 5.3 from the operating system; the seam lies above it.
coverage looks at the files that it measures.
hypothesis draws values and times itself; what the core calls while it runs is found before it is.
"""


class Impure(BaseException):
    """The core touched the outside; not an `Exception`, so that nothing swallows it."""


class _Guard:
    """The audit hook of this process: hooks cannot be taken away, so it is switched on and off."""

    on = False
    installed = False


@contextmanager
def pure() -> Iterator[None]:
    """Makes every call of the core that reaches the outside raise `Impure`, however deep it is."""
    if not _Guard.installed:
        sys.addaudithook(_audit)
        _Guard.installed = True
    replaced = [(time, name) for name in CLOCKS] + [(random, name) for name in CHANCE] + [(os, "urandom")]
    originals: list[tuple[Any, str, Any]] = [
        (module, name, getattr(module, name)) for module, name in replaced
    ]
    for module, name, original in originals:
        setattr(module, name, _refusing(original, f"{module.__name__}.{name}"))
    _Guard.on = True
    try:
        yield
    finally:
        _Guard.on = False
        for module, name, original in originals:
            setattr(module, name, original)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _Guard.on and event.startswith(OUTSIDE) and _from_core(sys._getframe(1)):
        raise Impure(f"the core did {event} {arguments!r}")


def _refusing(original: Callable[..., Any], name: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        if _from_core(sys._getframe(1)):
            raise Impure(f"the core called {name}")
        return original(*args, **kwargs)

    return refuse


def _from_core(frame: FrameType | None) -> bool:
    while frame is not None:
        judged = _judge(frame.f_code.co_filename)
        if judged is not None:
            return judged
        frame = frame.f_back
    return False


@cache
def _judge(filename: str) -> bool | None:
    """Returns whether code of this file may not reach outside; `None` if that depends on who calls it."""
    if filename.startswith("<frozen importlib") or any(part in filename for part in ALLOWED):
        return False
    return True if filename.startswith((CORE, INSPECT)) else None
