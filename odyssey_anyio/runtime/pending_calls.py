"""Takes commands from any task to the core, and brings each its end."""

import logging
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

import anyio
from attrs import define, field

from odyssey_anyio.aio.machine_loop import Clock, Inbox
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.mapping import Calling
from odyssey_anyio.events.dispatcher import DeliveryQueue
from odyssey_anyio.events.handlers import OdysseyEventHandlers
from odyssey_anyio.runtime.slots import Slot
from odyssey_anyio.tracing.tracer import Tracer
from odyssey_proto.client.client import ClientInput
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Deadline, Instant, Machine
from odyssey_proto.model.status import ConnectionStatus
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    EndStream,
    Interact,
    StartStream,
    What,
)
from odyssey_proto.seam.outputs import ClientOutput, Completed, Failed

logger = logging.getLogger("odyssey.client")

CLOSED = Failure(FailureKind.CLOSED_LOCALLY, "the client was closed while the call was waiting")

_CALLING: dict[type[What], Calling] = {
    StartStream: Calling.STREAM,
    Interact: Calling.STREAM,
    EndStream: Calling.STREAM,
    Call: Calling.REST,
}


class Root(Machine[ClientInput, ClientOutput], Protocol):
    """What a core is: a machine with a status."""

    @property
    def status(self) -> ConnectionStatus:
        """The status that was announced last."""
        ...


@define
class Core[C: Root]:
    """The machine, its clock, its recording and its names for commands; they outlive a loop if at rest."""

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


class PendingCalls:
    """
    Stands between the callers and the core.

    Towards the driver it is the machine: it passes every input on, and turns the refusal of a
    command into the end of that command.
    """

    def __init__(
        self,
        core: Core[Any],
        line: DeliveryQueue,
        handlers: OdysseyEventHandlers,
        adopt: Callable[[OdysseyEventHandlers], None],
        *,
        debug: bool = False,
    ) -> None:
        self.inbox = Inbox[ClientInput]()
        self._core = core
        self._deliveries = line
        self._handlers = handlers
        self._adopt = adopt
        self._debug = debug
        self._slots: dict[CommandId, Slot] = {}
        self._stirred = anyio.Event()
        self._brought: dict[CommandId, OdysseyEventHandlers] = {}

    def __repr__(self) -> str:
        return f"<PendingCalls {len(self._slots)} calls waiting>"

    def __len__(self) -> int:
        return len(self._slots)

    async def quiet(self) -> None:
        """Waits until no call waits."""
        while self._slots:
            if self._stirred.is_set():
                self._stirred = anyio.Event()
            await self._stirred.wait()

    # --- the callers' side ----------------------------------------------------------------------

    def put(
        self,
        what: What,
        handlers: OdysseyEventHandlers | None = None,
        then: Callable[[], None] = lambda: None,
    ) -> tuple[CommandId, Slot]:
        """
        Puts a command, and returns the slot where its end arrives.

        `handlers` are adopted if the command is accepted; `then` is called when it has ended.
        """
        command = CommandId(next(self._core.commands))
        slot = self._slots[command] = Slot(_CALLING.get(type(what), Calling.CONNECTION), then)
        if self.inbox.closed:
            self.tell(Failed(command, CLOSED))
            return command, slot
        if handlers is not None:
            self._brought[command] = handlers
        self.inbox.put(Command(command, what))
        return command, slot

    async def call(self, what: What, handlers: OdysseyEventHandlers | None = None) -> Any:
        """
        Puts a command and waits for its end.

        A caller that is cancelled is released at once, and the core is told.
        """
        command, slot = self.put(what, handlers)
        try:
            return await slot.wait()
        except OdysseyError as error:
            error.trace = self._core.tracer.now()
            raise
        except BaseException:
            # Also if the end has come meanwhile: the caller will never hear of it.
            self._forget(command)
            self.inbox.put(Command(CommandId(next(self._core.commands)), Abandon(command)))
            raise

    def end_all(self, failure: Failure) -> None:
        """Ends every call that waits; the core, which may be gone, is not asked."""
        for command in list(self._slots):
            self.tell(Failed(command, failure))

    # --- the core's side ------------------------------------------------------------------------

    def step(self, now: Instant, inp: ClientInput, /) -> Sequence[ClientOutput]:
        """Steps the core."""
        outputs = self._step(now, inp)
        if self._debug:
            heard = inp.what if isinstance(inp, Command) else inp
            logger.debug("%s → %s", type(heard).__name__, ", ".join(type(each).__name__ for each in outputs))
        return outputs

    @property
    def deadline(self) -> Deadline | None:
        """The core's deadline."""
        return self._core.machine.deadline

    def tell(self, outcome: Completed | Failed) -> None:
        """Brings a call its end, in its turn; one whose caller is gone is forgotten."""
        slot = self._forget(outcome.command)
        if slot is not None:
            slot.fill(outcome)
            self._deliveries.release(slot.wake)

    def _forget(self, command: CommandId) -> Slot | None:
        slot = self._slots.pop(command, None)
        self._stirred.set()
        return slot

    def _step(self, now: Instant, inp: ClientInput) -> Sequence[ClientOutput]:
        if not isinstance(inp, Command):
            return self._core.machine.step(now, inp)
        brought = self._brought.pop(inp.command, None)
        renewed = self._core.client.status is ConnectionStatus.CONNECTED
        try:
            outputs = self._core.machine.step(now, inp)
        except LocalProtocolError as refusal:
            return [Failed(inp.command, refusal.failure)]
        if brought is not None:
            self._handlers = self._handlers.updated(brought) if renewed else brought
            self._adopt(self._handlers)
        return outputs
