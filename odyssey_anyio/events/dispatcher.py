"""
Calls the application's handlers and lets its calls return, one after the other, in one order.

Events and the ends of calls leave the core in one order, and that order is kept
(docs/protocol.md#status-and-callbacks).
When `start_stream` returns, `on_stream_started` has run; whoever looks after a call at what its handlers
have collected finds everything there.
So the end of a call does not wake its caller at once: it stands in a queue behind the events that came
before it, and one task works that queue off.

There is one exception.
A handler that is a coroutine may call the client itself, and wait for that call: for `interact` in
`on_stream_started`, for a new `connect` in `on_disconnected`.
The end of that call would stand behind the very event whose handler waits for it, for ever.
So before a coroutine is awaited, all calls that stand in the queue return, and for as long as it is
awaited calls return at once, while events go on to queue.
What a handler that waits gives up is the order of others' calls, not that of events: handlers never
run at the same time, and always in the order in which things happened.

A queue needs a bound, and the bound is for the one way in which this one can grow: a handler that waits
for too long.
Then the oldest events are dropped, and counted.
"""

import logging
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import anyio
from attrs import define

from odyssey_anyio.aio.tasks import end_program, hosting_foreign_code, is_awaited, take_back
from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.trace import ErrorTrace
from odyssey_anyio.events.handlers import ConnectHandlers, handler_of
from odyssey_proto.model.events import Event

logger: logging.Logger = logging.getLogger("odyssey.callbacks")

MAX_QUEUED_EVENTS = 1024
"""How many events may queue behind a handler that waits; then the oldest are dropped."""

type Release = Callable[[], None]
"""Wakes whoever waits for a call."""


@define(eq=False)
class _HandlerCall:
    """One call of a handler; tasks that it starts see it too, also when it has ended."""

    callbacks: "Callbacks"
    ended: bool = False


HANDLER_CALL: ContextVar[_HandlerCall | None] = ContextVar("odyssey_handler_call", default=None)
"""The call of a handler that this code is part of."""


class Callbacks:
    """
    Calls handlers, and keeps their mistakes from everything else.

    An exception of a handler is logged, counted, and given to `on_error`; it stops nothing.
    """

    def __init__(self) -> None:
        self.handlers: ConnectHandlers = ConnectHandlers()
        self.errors: int = 0
        """How many times a handler raised."""
        self.dropped = 0
        """How many events were dropped because a handler waited for too long."""

    @property
    def inside(self) -> bool:
        """Whether one of these handlers is calling."""
        call = HANDLER_CALL.get()
        return call is not None and call.callbacks is self and not call.ended

    async def call(
        self,
        handler: Callable[..., object] | None,
        *arguments: object,
        before_awaiting: Callable[[], None] = lambda: None,
    ) -> None:
        """Calls a handler; `before_awaiting` is called if it is a coroutine function, before it goes on."""
        if handler is None:
            return
        error = await self._try(handler, arguments, before_awaiting)
        on_error = self.handlers.on_error
        if error is not None and on_error is not None and handler is not on_error:
            await self._try(on_error, (error, False), before_awaiting)

    async def _try(
        self,
        handler: Callable[..., object],
        arguments: tuple[object, ...],
        before_awaiting: Callable[[], None],
    ) -> Exception | None:
        """Calls a handler and returns its error, if it has one."""
        call = _HandlerCall(self)
        token = HANDLER_CALL.set(call)
        try:
            result: Any = handler(*arguments)
            if is_awaited(result):
                before_awaiting()
                async with hosting_foreign_code():
                    await result
            return None
        except Exception as error:  # noqa: BLE001  a handler may raise anything
            return self._raised(handler, error)
        except anyio.get_cancelled_exc_class() as error:
            if not take_back():
                raise
            return self._raised(handler, _ended_with(error))
        except BaseException as error:  # noqa: BLE001  handed on to where it ends the program
            end_program(error)
            return self._raised(handler, _ended_with(error))
        finally:
            call.ended = True
            HANDLER_CALL.reset(token)

    def _raised(self, handler: Callable[..., object], error: Exception) -> Exception:
        self.errors += 1
        logger.error("the handler %s raised", _name(handler), exc_info=error)
        return error


class DeliveryQueue:
    """
    The queue in which events and the ends of calls wait for the application.

    `trace` returns the trace that errors carry.
    """

    def __init__(self, callbacks: Callbacks, trace: Callable[[], ErrorTrace | None] = lambda: None) -> None:
        self._callbacks = callbacks
        self._trace = trace
        self._items: deque[Event | Release | ConnectHandlers] = deque()
        self._changed = Wakeup()
        self._idle = False
        self._became_idle = Wakeup()
        self._handler_waits = False
        self._closed = False

    def put(self, event: Event) -> None:
        """Has the handler of an event called in its turn."""
        if self._handler_waits and len(self._items) >= MAX_QUEUED_EVENTS:
            self._drop_oldest()
        self._add(event)

    def adopt(self, handlers: ConnectHandlers) -> None:
        """Lets these be the handlers of everything that comes after."""
        self._add(handlers)

    def release(self, release: Release) -> None:
        """Lets a call return in its turn: at once if nothing is before it, or while a handler waits."""
        if self._idle or self._handler_waits or self._closed:
            release()
        else:
            self._add(release)

    def close(self) -> None:
        """Lets `run` end when the queue has been worked off."""
        self._closed = True
        self._changed.set()

    def abandon(self) -> None:
        """Calls no more handlers, and lets every call return, those to come at once."""
        self._closed = True
        self._release_calls()

    async def run(self) -> None:
        """Works off the queue until it is closed and empty."""
        while True:
            while self._items:
                await self._deliver(self._items.popleft())
            self._idle = True
            self._became_idle.set()
            if self._closed:
                return
            await self._changed.until(lambda: bool(self._items) or self._closed)

    async def idle(self) -> None:
        """Waits until the queue has been empty and no handler has run."""
        if not self._idle:
            await self._became_idle.wait()

    async def _deliver(self, item: Event | Release | ConnectHandlers) -> None:
        if isinstance(item, ConnectHandlers):
            self._callbacks.handlers = item
        elif callable(item):
            item()
        else:
            handler, arguments = handler_of(item, self._callbacks.handlers)
            for each in arguments:
                if isinstance(each, OdysseyError):
                    each.trace = self._trace()
            try:
                await self._callbacks.call(handler, *arguments, before_awaiting=self._release_calls)
            finally:
                self._handler_waits = False

    def _release_calls(self) -> None:
        """Lets every call in the queue return, before a coroutine is awaited and for as long as it is."""
        self._handler_waits = True
        waiting, self._items = self._items, deque()
        for item in waiting:
            if callable(item):
                item()
            else:
                self._items.append(item)

    def _add(self, item: Event | Release | ConnectHandlers) -> None:
        self._idle = False
        self._items.append(item)
        self._changed.set()

    def _drop_oldest(self) -> None:
        if not self._callbacks.dropped:
            logger.warning("a handler waits for so long that events are dropped")
        self._callbacks.dropped += 1
        oldest = self._items.popleft()
        if isinstance(oldest, ConnectHandlers):
            self._callbacks.handlers = oldest


def _ended_with(error: BaseException) -> RuntimeError:
    """Returns what stands for an exception that handlers do not raise as an error."""
    standing = RuntimeError(f"the handler ended with {type(error).__name__}")
    standing.__cause__ = error
    return standing


def _name(handler: object) -> str:
    return getattr(handler, "__qualname__", type(handler).__name__)
