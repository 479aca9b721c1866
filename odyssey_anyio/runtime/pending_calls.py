"""Takes commands from any task to the core, and brings each its end."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

import anyio
from attrs import define, field

from odyssey_anyio.aio.machine_loop import Clock, Inbox
from odyssey_anyio.aio.tasks import call_back
from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_anyio.events.dispatcher import DeliveryQueue
from odyssey_anyio.events.handlers import OdysseyEventHandlers
from odyssey_anyio.tracing.tracer import Tracer
from odyssey_proto.client.client import ClientInput
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Deadline, Instant, Machine
from odyssey_proto.model.status import ConnectionStatus
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Download,
    EndStream,
    Interact,
    StartStream,
    WaitForJob,
    What,
)
from odyssey_proto.seam.outputs import ClientOutput, Completed, Failed, Progressed

logger = logging.getLogger("odyssey.client")

CLOSED = Failure(FailureKind.CLOSED_LOCALLY, "the client was closed while the call was waiting")

_CALLING: dict[type[What], Calling] = {
    StartStream: Calling.STREAM,
    Interact: Calling.STREAM,
    EndStream: Calling.STREAM,
    Call: Calling.REST,
    Download: Calling.REST,
    WaitForJob: Calling.JOB,
}

_MAX_PROGRESS: dict[type[What], int] = {Download: 16}
"""How much progress is kept for a slow callback, the newest; of a job every state counts."""

INTERRUPTING = frozenset({FailureKind.TIMED_OUT, FailureKind.CLOSED_LOCALLY})
"""Failures that end a callback of the caller's that still runs: a deadline holds whatever it does."""


class Root(Machine[ClientInput, ClientOutput], Protocol):
    """What a core is: a machine with a status."""

    @property
    def status(self) -> ConnectionStatus:
        """The status that was announced last."""
        ...


@define
class Core[C: Root]:
    """The machine, its clock, its trace and its names for commands; they outlive a loop if at rest."""

    client: C
    clock: Clock
    tracer: Tracer
    commands: "count[int]" = field(factory=lambda: count(1))
    machine: Machine[ClientInput, ClientOutput] = field(init=False)
    """The client, recorded: what is stepped."""

    def __attrs_post_init__(self) -> None:
        self.machine = self.tracer.recorded(self.client)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way."""
        return self.client.deadline is None and self.client.status is not ConnectionStatus.CONNECTED


class PendingCall:
    """
    One call: made before its command is put, ended by the core, returned to its caller.

    Ending and returning are two steps, because handlers of earlier events run in between.
    Progress does not wait for them; it is kept until the caller takes it.
    """

    def __init__(
        self,
        command: CommandId,
        calling: Calling,
        on_return: Callable[[], None],
        max_progress: int | None,
    ) -> None:
        self.command = command
        self.latest: Any = None
        """The newest progress."""
        self.end: Completed | Failed | None = None
        """The core's answer, once it is there."""
        self._calling = calling
        self._on_return = on_return
        self._progress: deque[Any] = deque(maxlen=max_progress)
        self._changed = Wakeup()
        self._returned = anyio.Event()
        self._callback: anyio.CancelScope | None = None

    # --- the core's side ------------------------------------------------------------------------

    def report(self, progress: Any) -> None:
        """Takes progress."""
        self.latest = progress
        self._progress.append(progress)
        self._changed.set()

    def finish(self, end: Completed | Failed) -> None:
        """Takes the core's answer."""
        self.end = end

    def release(self) -> None:
        """Lets the caller go on."""
        self._returned.set()
        self._changed.set()
        if self._interrupted and self._callback is not None:
            self._callback.cancel()
        self._on_return()

    # --- the caller's side ----------------------------------------------------------------------

    async def next_progress(self) -> Any:
        """Waits for progress that was not taken yet, and takes it; `None` when no more will come."""
        await self._changed.until(lambda: bool(self._progress) or self._returned.is_set())
        return self._progress.popleft() if self._progress else None

    async def follow(self, callback: Callable[[Any], object]) -> None:
        """
        Calls back with all progress until the call has its end.

        That happens in the caller's task, so a slow callback holds up nobody else.
        What it raises passes.
        """
        with anyio.CancelScope() as self._callback:
            while not self._interrupted and (progress := await self.next_progress()) is not None:
                await call_back(callback, progress)

    async def returned(self) -> None:
        """Waits for the end, whatever it is."""
        await self._returned.wait()

    def result(self) -> Any:
        """Returns the result or raises the error, once it has returned."""
        match self.end:
            case Completed(_, result):
                return result
            case Failed(_, failure):
                # Waiting for a job also fails as the calls do by which it is looked at.
                look_failed = self._calling is Calling.JOB and failure.phase is not Phase.SIMULATION
                raise error_of(failure, Calling.REST if look_failed else self._calling)
            case None:
                raise AssertionError("a call is released after it has its end")

    @property
    def _interrupted(self) -> bool:
        match self.end:
            case Failed(_, failure) if self._returned.is_set():
                return failure.kind in INTERRUPTING
            case _:
                return False


class PendingCalls:
    """
    Stands between the callers and the core.

    Towards the loop that runs it, this is the machine: it passes every input on, and turns the refusal
    of a command into the end of that command.
    `adopt` takes the handlers that a command brought, once the core has accepted it.
    """

    def __init__(
        self,
        core: Core[Any],
        deliveries: DeliveryQueue,
        handlers: OdysseyEventHandlers,
        adopt: Callable[[OdysseyEventHandlers], None],
        *,
        debug: bool = False,
    ) -> None:
        self.inbox = Inbox[ClientInput]()
        self._core = core
        self._deliveries = deliveries
        self._handlers = handlers
        self._adopt = adopt
        self._debug = debug
        self._calls: dict[CommandId, PendingCall] = {}
        self._changed = Wakeup()
        self._new_handlers: dict[CommandId, OdysseyEventHandlers] = {}

    def __repr__(self) -> str:
        return f"<PendingCalls {len(self._calls)}>"

    def __len__(self) -> int:
        return len(self._calls)

    async def none_left(self) -> None:
        """Waits until no call is pending."""
        await self._changed.until(lambda: not self._calls)

    # --- the callers' side ----------------------------------------------------------------------

    def put(
        self,
        what: What,
        handlers: OdysseyEventHandlers | None = None,
        on_return: Callable[[], None] = lambda: None,
    ) -> PendingCall:
        """
        Puts a command, and returns its call.

        `handlers` are adopted if the command is accepted; `on_return` is called when the call returns.
        """
        command = CommandId(next(self._core.commands))
        calling, max_progress = _CALLING.get(type(what), Calling.CONNECTION), _MAX_PROGRESS.get(type(what))
        call = self._calls[command] = PendingCall(command, calling, on_return, max_progress)
        if self.inbox.closed:
            self.finish(Failed(command, CLOSED))
            return call
        if handlers is not None:
            self._new_handlers[command] = handlers
        self.inbox.put(Command(command, what))
        return call

    async def call(self, what: What, handlers: OdysseyEventHandlers | None = None) -> Any:
        """Puts a command and waits for its end."""
        return await self.wait(self.put(what, handlers))

    async def wait(self, call: PendingCall, on_progress: Callable[[Any], object] | None = None) -> Any:
        """
        Waits for the end of a call, and calls back with its progress until then.

        A caller that is cancelled is released at once, and the core is told to abandon the command.
        """
        try:
            if on_progress is not None:
                await call.follow(on_progress)
            await call.returned()
        except BaseException:
            # Also if the end has come meanwhile: the caller never gets it.
            self.abandon(call)
            raise
        try:
            # Nothing is awaited any more: who is cancelled from here on has the result.
            return call.result()
        except OdysseyError as error:
            error.trace = self._core.tracer.now()
            raise

    def abandon(self, call: PendingCall) -> None:
        """The caller is gone: tells the core to abandon the command."""
        # This is a call too, so that the client is in use until the core has done it.
        self.put(Abandon(call.command))
        self._remove(call.command)

    def fail_all(self, failure: Failure) -> None:
        """Ends every call; the core, which may be gone, is not asked."""
        for command in list(self._calls):
            self.finish(Failed(command, failure))

    # --- the core's side ------------------------------------------------------------------------

    def step(self, now: Instant, inp: ClientInput, /) -> Sequence[ClientOutput]:
        """Steps the core."""
        outputs = self._step(now, inp)
        if self._debug:
            stepped = inp.what if isinstance(inp, Command) else inp
            names = ", ".join(type(each).__name__ for each in outputs)
            logger.debug("%s → %s", type(stepped).__name__, names)
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The core's deadline."""
        return self._core.machine.deadline

    def finish(self, end: Completed | Failed) -> None:
        """Brings a call its end, in its turn; a call whose caller is gone has none."""
        call = self._remove(end.command)
        if call is not None:
            call.finish(end)
            self._deliveries.release(call.release)

    def report(self, output: Progressed) -> None:
        """Brings a call its progress."""
        call = self._calls.get(output.command)
        if call is not None:
            call.report(output.progress)

    def _remove(self, command: CommandId) -> PendingCall | None:
        call = self._calls.pop(command, None)
        self._changed.set()
        return call

    def _step(self, now: Instant, inp: ClientInput) -> Sequence[ClientOutput]:
        if not isinstance(inp, Command):
            return self._core.machine.step(now, inp)
        handlers = self._new_handlers.pop(inp.command, None)
        connected = self._core.client.status is ConnectionStatus.CONNECTED
        try:
            outputs = self._core.machine.step(now, inp)
        except LocalProtocolError as refusal:
            return [Failed(inp.command, refusal.failure)]
        if handlers is not None:
            # A client that was connected already keeps those that are not given anew.
            self._handlers = self._handlers.updated(handlers) if connected else handlers
            self._adopt(self._handlers)
        return outputs
