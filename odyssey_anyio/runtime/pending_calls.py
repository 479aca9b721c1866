"""Takes commands from any task to the core, and brings each its end."""

from collections.abc import Callable, Sequence
from typing import Any

from odyssey_anyio.aio.machine_loop import Inbox
from odyssey_anyio.aio.wakeup import Wakeup
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.mapping import Calling
from odyssey_anyio.events.dispatcher import DeliveryQueue
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.runtime.core import Core
from odyssey_anyio.runtime.debug_log import log_step, show_debug_log
from odyssey_anyio.runtime.pending_call import PendingCall
from odyssey_proto.kernel.failures import Failure, FailureKind, LocalProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Download,
    EndStream,
    Interact,
    MintCredentials,
    Prepare,
    StartStream,
    WaitForJob,
    WaitForRecording,
    What,
)
from odyssey_proto.seam.outputs import ClientInput, ClientOutput, Completed, Failed, Progressed

CLOSED = Failure(FailureKind.CLOSED_LOCALLY, "the client was closed while the call was waiting")

_CALLING: dict[type[What], Calling] = {
    StartStream: Calling.STREAM,
    Interact: Calling.STREAM,
    EndStream: Calling.STREAM,
    Call: Calling.REST,
    Download: Calling.REST,
    WaitForJob: Calling.JOB,
    WaitForRecording: Calling.REST,
}

_OUTLIVE_DISCONNECT: frozenset[type[What]] = frozenset(
    {Call, Prepare, MintCredentials, WaitForJob, WaitForRecording, Download}
)
"""Commands that go on when the client disconnects."""

_MAX_PROGRESS: dict[type[What], int] = {Download: 16}
"""How much progress is kept for a slow callback, the newest; of a job every state counts."""


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
        handlers: ConnectHandlers,
        adopt: Callable[[ConnectHandlers], None],
        *,
        debug: bool = False,
    ) -> None:
        self.inbox: Inbox[ClientInput] = Inbox[ClientInput]()
        self._core = core
        self._deliveries = deliveries
        self._handlers = handlers
        self._adopt = adopt
        self._debug = debug
        if debug:
            show_debug_log()
        self._calls: dict[CommandId, PendingCall] = {}
        self._outliving: set[CommandId] = set()
        self._changed = Wakeup()
        self._new_handlers: dict[CommandId, ConnectHandlers] = {}

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
        handlers: ConnectHandlers | None = None,
        on_return: Callable[[], None] = lambda: None,
        *,
        now: bool = False,
    ) -> PendingCall:
        """
        Puts a command, and returns its call.

        `handlers` are adopted if the command is accepted; `on_return` is called when the call returns.
        `now`: the core may be stepped before this returns (`deliver`).
        """
        command = CommandId(next(self._core.commands))
        calling, max_progress = _CALLING.get(type(what), Calling.CONNECTION), _MAX_PROGRESS.get(type(what))
        call = self._calls[command] = PendingCall(command, calling, on_return, max_progress)
        if self.inbox.closed:
            self.finish(Failed(command, CLOSED))
            return call
        if type(what) in _OUTLIVE_DISCONNECT:
            self._outliving.add(command)
        if handlers is not None:
            self._new_handlers[command] = handlers
        self._core.tracer.asked(command)
        deliver = self.deliver if now else self.inbox.put
        deliver(Command(command, what))
        return call

    async def call(self, what: What, handlers: ConnectHandlers | None = None) -> Any:
        """Puts a command and waits for its end."""
        return await self.wait(self.put(what, handlers, now=True))

    async def wait(self, call: PendingCall, on_progress: Callable[[Any], object] | None = None) -> Any:
        """
        Waits for the end of a call, and calls back with its progress until then.

        A caller that is cancelled is released at once, and the core abandons the command.
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

    def close(self) -> None:
        """Ends every call, and has the core abandon those that disconnecting does not end."""
        for command in sorted(self._outliving):
            self.put(Abandon(command))
        self.fail_all(CLOSED)

    def fail_all(self, failure: Failure) -> None:
        """Ends every call; the core, which may be gone, is not asked."""
        for command in list(self._calls):
            self.finish(Failed(command, failure))

    def deliver(self, inp: ClientInput) -> None:
        """
        Takes an input to the core, at once while no more than one call is pending.

        Those of many calls are stepped together, a turn of the loop later: that costs each of them less.
        """
        put = self.inbox.put_now if len(self._calls) <= 1 else self.inbox.put
        put(inp)

    # --- the core's side ------------------------------------------------------------------------

    def step(self, now: Instant, inp: ClientInput, /) -> Sequence[ClientOutput]:
        """Steps the core."""
        outputs = self._step(now, inp)
        if self._debug:
            log_step(inp, outputs)
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
        self._outliving.discard(command)
        self._changed.set()
        return call

    def _step(self, now: Instant, inp: ClientInput) -> Sequence[ClientOutput]:
        if not isinstance(inp, Command):
            return self._core.machine.step(now, inp)
        handlers = self._new_handlers.pop(inp.command, None)
        connected = self._core.client.status in (ConnectionStatus.CONNECTED, ConnectionStatus.RECONNECTING)
        try:
            outputs = self._core.machine.step(now, inp)
        except LocalProtocolError as refusal:
            return [Failed(inp.command, refusal.failure)]
        if handlers is not None:
            # A client that was connected already keeps those that are not given anew.
            self._handlers = self._handlers.updated(handlers) if connected else handlers
            self._adopt(self._handlers)
        return outputs
