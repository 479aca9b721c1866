"""
Calls the application's handlers, and releases its waiting calls, in one line.

Events and the ends of calls leave the core in one order, and that order is kept: when a call
returns, the handlers of everything that happened before have run (docs/protocol.md#status-and-callbacks).
A handler that is a coroutine may wait for a call of its own.
So while one waits, the ends of calls overtake the events that queue behind it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from inspect import isawaitable
from typing import Any

import anyio
from attrs import define

from odyssey_anyio.aio.tasks import end_program, hosting_foreign_code, take_back
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.trace import ErrorTrace
from odyssey_anyio.events.handlers import OdysseyEventHandlers, handler_of
from odyssey_proto.model.events import Event

logger = logging.getLogger("odyssey.callbacks")

MAX_LINE = 1024
"""How many events may queue behind a handler that waits; then the oldest are dropped."""

type Release = Callable[[], None]
"""Wakes whoever waits for a call."""


@define(eq=False)
class _Running:
    """One call of a handler; tasks that it starts see it too, also when it is over."""

    callbacks: "Callbacks"
    over: bool = False


_running: ContextVar[_Running | None] = ContextVar("odyssey_handler", default=None)
"""The call of a handler that runs here."""


class Callbacks:
    """
    Calls handlers, and stands between them and the rest.

    An exception of a handler is logged, counted, and told to `on_error`; it stops nothing.
    """

    def __init__(self) -> None:
        self.handlers = OdysseyEventHandlers()
        self.errors = 0
        """How many times a handler raised."""
        self.dropped = 0
        """How many events were dropped because a handler waited for too long."""

    @property
    def inside(self) -> bool:
        """Whether one of these handlers is calling."""
        running = _running.get()
        return running is not None and running.callbacks is self and not running.over

    async def call(
        self,
        handler: Callable[..., object] | None,
        *arguments: object,
        waits: Callable[[], None] = lambda: None,
    ) -> None:
        """Calls a handler; `waits` is called first if the handler is a coroutine."""
        if handler is None:
            return
        error = await self._try(handler, arguments, waits)
        if error is not None and handler is not self.handlers.on_error and self.handlers.on_error is not None:
            await self._try(self.handlers.on_error, (error, False), waits)

    async def _try(
        self, handler: Callable[..., object], arguments: tuple[object, ...], waits: Callable[[], None]
    ) -> Exception | None:
        running = _Running(self)
        token = _running.set(running)
        try:
            result: Any = handler(*arguments)
            if _is_ours_to_await(result):
                waits()
                with hosting_foreign_code():
                    await result
            return None
        except Exception as error:  # noqa: BLE001  a handler may raise anything
            return self._raised(handler, error)
        except anyio.get_cancelled_exc_class() as error:
            if not take_back():
                raise
            return self._raised(handler, _given_up(error))
        except BaseException as error:  # noqa: BLE001  handed on to where it ends the program
            end_program(error)
            return self._raised(handler, _given_up(error))
        finally:
            running.over = True
            _running.reset(token)

    def _raised(self, handler: Callable[..., object], error: Exception) -> Exception:
        self.errors += 1
        logger.error("the handler %s raised", _name(handler), exc_info=error)
        return error


class DeliveryQueue:
    """
    The line in which events and the ends of calls wait for the application.

    `trace` gives what errors carry along.
    """

    def __init__(self, callbacks: Callbacks, trace: Callable[[], ErrorTrace | None] = lambda: None) -> None:
        self._callbacks = callbacks
        self._trace = trace
        self._items: deque[Event | Release | OdysseyEventHandlers] = deque()
        self._stirred = anyio.Event()
        self._rested = anyio.Event()
        self._waits = False
        self._closed = False

    def happened(self, event: Event) -> None:
        """Lets the handler of an event be called in its turn."""
        if self._waits and len(self._items) >= MAX_LINE:
            self._drop()
        self._add(event)

    def adopt(self, handlers: OdysseyEventHandlers) -> None:
        """Lets these handlers be the ones to call for everything that comes after."""
        self._add(handlers)

    def release(self, release: Release) -> None:
        """Lets a call return in its turn, or at once while a handler waits."""
        if self._waits or self._closed:
            release()
        else:
            self._add(release)

    def close(self) -> None:
        """Lets `run` end when everything in the line is done."""
        self._closed = True
        self._stirred.set()

    def abandon(self) -> None:
        """Calls no more handlers, and releases every call, those to come at once."""
        self._closed = True
        self._let_go()

    async def run(self) -> None:
        """Works off the line until it is closed and empty."""
        while True:
            while self._items:
                await self._serve(self._items.popleft())
            self._rested.set()
            if self._closed:
                return
            self._stirred = anyio.Event()
            await self._stirred.wait()

    async def rest(self) -> None:
        """Waits until the line is empty and no handler runs."""
        await self._rested.wait()

    async def _serve(self, item: Event | Release | OdysseyEventHandlers) -> None:
        if isinstance(item, OdysseyEventHandlers):
            self._callbacks.handlers = item
        elif callable(item):
            item()
        else:
            handler, arguments = handler_of(item, self._callbacks.handlers)
            for each in arguments:
                if isinstance(each, OdysseyError):
                    each.trace = self._trace()
            try:
                await self._callbacks.call(handler, *arguments, waits=self._let_go)
            finally:
                self._waits = False

    def _let_go(self) -> None:
        """Releases every call in the line, before a coroutine waits and for as long as it does."""
        self._waits = True
        waiting, self._items = self._items, deque()
        for item in waiting:
            if callable(item):
                item()
            else:
                self._items.append(item)

    def _add(self, item: Event | Release | OdysseyEventHandlers) -> None:
        if self._rested.is_set():
            self._rested = anyio.Event()
        self._items.append(item)
        self._stirred.set()

    def _drop(self) -> None:
        if not self._callbacks.dropped:
            logger.warning("a handler waits for so long that events are dropped")
        self._callbacks.dropped += 1
        oldest = self._items.popleft()
        if isinstance(oldest, OdysseyEventHandlers):
            self._callbacks.handlers = oldest


def _is_ours_to_await(result: object) -> bool:
    """Tells a coroutine from a task, which runs by itself and may be the whole application."""
    return isawaitable(result) and not isinstance(result, asyncio.Future)


def _given_up(error: BaseException) -> RuntimeError:
    """Returns what is told of an exception that handlers do not raise as an error."""
    told = RuntimeError(f"the handler ended with {type(error).__name__}")
    told.__cause__ = error
    return told


def _name(handler: object) -> str:
    return getattr(handler, "__qualname__", type(handler).__name__)


async def told[T](callback: Callable[[T], object], value: T) -> None:
    """Calls the callback of one call, and awaits it if it is a coroutine function; what it raises passes."""
    result: Any = callback(value)
    if _is_ours_to_await(result):
        await result
