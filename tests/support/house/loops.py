"""The event loops that every driver test runs on."""

import asyncio
import importlib.util
from typing import Any

import pytest

ALWAYS = ("asyncio", "trio")
"""The loops that are left with `--loops=both`."""


def eager() -> asyncio.AbstractEventLoop:
    """Gives asyncio's loop with tasks that begin to run where they are made."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    return loop


def fast() -> asyncio.AbstractEventLoop:
    """Gives uvloop's loop."""
    import uvloop

    return uvloop.new_event_loop()


def loops() -> list[Any]:
    """Gives the parameters of the `anyio_backend` fixture."""
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


def warm_up(backend: Any) -> None:
    """Makes what a loop opens once for the whole process, such as libuv's pipe for signals."""
    if isinstance(backend, tuple):
        backend[1]["loop_factory"]().close()


def extra(item: pytest.Item) -> bool:
    """Tells whether a test is one on a loop that `--loops=both` leaves out."""
    callspec = getattr(item, "callspec", None)
    if callspec is None or "anyio_backend" not in callspec.params:
        return False
    return callspec.params["anyio_backend"] not in ALWAYS
