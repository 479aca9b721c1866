"""The event loops that driver tests run on."""

import asyncio
import importlib.util
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import trio

ALWAYS = ("asyncio", "trio")
"""The loops of a usual run; asyncio with eager tasks and uvloop are extra."""

CHOICES = ("both", "extra", "all")
"""What `--loops` may be."""


def eager() -> asyncio.AbstractEventLoop:
    """Returns asyncio's loop with tasks that begin to run where they are made."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    return loop


def fast() -> asyncio.AbstractEventLoop:
    """Returns uvloop's loop."""
    import uvloop

    return uvloop.new_event_loop()


def loops() -> list[Any]:
    """Returns the parameters of the `anyio_backend` fixture."""
    without_uvloop = importlib.util.find_spec("uvloop") is None
    return [
        pytest.param("asyncio", id="asyncio"),
        pytest.param(("asyncio", {"loop_factory": eager}), id="eager"),
        pytest.param(
            ("asyncio", {"loop_factory": fast}),
            id="uvloop",
            marks=pytest.mark.skipif(without_uvloop, reason="uvloop is not installed"),
        ),
        pytest.param("trio", id="trio"),
    ]


def run(backend: str, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a program as those do that know nothing of anyio."""
    if backend == "trio":
        trio.run(main)
    else:
        asyncio.run(main())


def warm_up(backend: Any) -> None:
    """Makes what a loop opens once for the whole process, such as libuv's pipe for signals."""
    if isinstance(backend, tuple):
        backend[1]["loop_factory"]().close()


def chosen(item: pytest.Item, loops: str) -> bool:
    """Tells whether a test runs with `--loops` of that value; one without a loop is among `both`."""
    callspec = getattr(item, "callspec", None)
    extra = callspec is not None and callspec.params.get("anyio_backend", "asyncio") not in ALWAYS
    return loops == "all" or extra == (loops == "extra")
