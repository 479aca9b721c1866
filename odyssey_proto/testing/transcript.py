"""
A test of a client that reads from top to bottom: what the application asks for, and what comes of it.

Every world of this package speaks these words.
A command is given by a method with its name and has a value of its own, so that a test says
`start.result` or `second.failure`, never a number.
"""

from collections.abc import Iterable
from itertools import count, zip_longest
from typing import Any

from attrs import define, frozen

from odyssey_proto.kernel.failures import Failure, LocalProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, Machine, Span, seconds
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.events import ConnectionStatus, Event, StatusChanged
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Connect,
    ConnectWith,
    Disconnect,
    EndStream,
    Interact,
    MintCredentials,
    Prepare,
    StartStream,
)
from odyssey_proto.seam.outputs import Completed, Failed, Happened
from odyssey_proto.testing.obligations import Obligations

PREPARATION_TIME = seconds(10)
"""How long preparing may take unless a test says otherwise."""

NOT_KEPT = Span(0)
"""How long what was prepared is kept fresh unless a test says otherwise."""

_ENDS = (Completed, Failed)

PENDING: Any = ...
"""The outcome of a command that has not ended."""


@define(eq=False)
class IssuedCommand:
    """A command that was given, and what became of it."""

    id: CommandId
    what: Any
    outcome: Any = PENDING
    """Its result, its `Failure`, or `PENDING`."""
    ended_at: Instant | None = None

    @property
    def pending(self) -> bool:
        """Whether it has not ended."""
        return self.outcome is PENDING

    @property
    def result(self) -> Any:
        """What it completed with; `AssertionError` if it did not."""
        assert not self.pending, f"{self.what} has not ended"
        assert not isinstance(self.outcome, Failure), f"{self.what} failed: {self.outcome}"
        return self.outcome

    @property
    def failure(self) -> Failure:
        """What it failed with; `AssertionError` if it did not."""
        assert isinstance(self.outcome, Failure), f"{self.what} did not fail: {self.outcome!r}"
        return self.outcome


@frozen
class Step:
    """One step of the client: when, what came in, what came out, and when it wants to be woken."""

    at: Instant
    input: Any
    outputs: tuple[Any, ...]
    deadline: Deadline | None


class Transcript:
    """
    A client with everything that it was asked for and did; each step is checked against its obligations.

    `steps` are all steps of the client, `events` what it reported to the application, `commands` what
    the application asked for, each in order.
    """

    def __init__(self, machine: Machine[Any, Any]) -> None:
        self.machine = machine
        self.now: Instant = Instant(0)
        self.steps: list[Step] = []
        self.events: list[Event] = []
        self.commands: list[IssuedCommand] = []
        self.obligations: Obligations = Obligations()
        self._named: dict[CommandId, IssuedCommand] = {}
        self._ids = count(1)
        self._expected = 0

    # --- what the application does --------------------------------------------------------------

    def give(self, what: Any) -> IssuedCommand:
        """Gives the client a command; raises `LocalProtocolError` if it is refused."""
        command = IssuedCommand(CommandId(next(self._ids)), what)
        self._named[command.id] = command
        self.step(Command(command.id, what))
        self.commands.append(command)
        return command

    def do(self, what: Any) -> IssuedCommand:
        """Gives a command as the methods below do; a world may then run until it ended."""
        return self.give(what)

    def connect(self) -> IssuedCommand:
        """Connects with the API key."""
        return self.do(Connect())

    def connect_with(self, credentials: ClientCredentials) -> IssuedCommand:
        """Connects with credentials that another client minted."""
        return self.do(ConnectWith(credentials))

    def prepare(self, within: Span = PREPARATION_TIME, keep: Span = NOT_KEPT) -> IssuedCommand:
        """Prepares a later connect."""
        return self.do(Prepare(within, keep))

    def mint_credentials(self) -> IssuedCommand:
        """Reserves a session for another client."""
        return self.do(MintCredentials())

    def start(self, prompt: str = "", **more: Any) -> IssuedCommand:
        """Starts a stream; `more` are the other fields of `StartStream`."""
        return self.do(StartStream(prompt, **more))

    def interact(self, prompt: str) -> IssuedCommand:
        """Steers the stream."""
        return self.do(Interact(prompt))

    def end(self) -> IssuedCommand:
        """Ends the stream."""
        return self.do(EndStream())

    def call(self, endpoint: str, params: Any = None) -> IssuedCommand:
        """Calls a REST endpoint, named as in `odyssey_proto.messages.ENDPOINTS`."""
        return self.do(Call(endpoint, params))

    def abandon(self, command: IssuedCommand) -> IssuedCommand:
        """Gives up on a command."""
        return self.do(Abandon(command.id))

    def disconnect(self) -> IssuedCommand:
        """Leaves."""
        return self.do(Disconnect())

    # --- what comes of it -----------------------------------------------------------------------

    def expect(self, *events: Event | type[Event]) -> None:
        """
        Asserts that just these events came since the last `expect`, in this order.

        A class stands for any event of it; `expect()` asserts that there was none.
        """
        came, self._expected = self.events[self._expected :], len(self.events)
        named = [type(event) if type(event) is one else event for event, one in zip_longest(came, events)]
        assert named[: len(came)] == list(events)

    def events_of[E: Event](self, kind: type[E]) -> list[E]:
        """Returns the events of one class so far."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def statuses(self) -> list[ConnectionStatus]:
        """Every status that was announced, in order."""
        return [event.status for event in self.events_of(StatusChanged)]

    def the(self, kind: type[Any]) -> IssuedCommand:
        """Returns the only command of a class that was given so far."""
        (command,) = (command for command in self.commands if isinstance(command.what, kind))
        return command

    def outputs[O](self, kind: type[O]) -> list[O]:
        """Returns everything of one class that came out so far."""
        return [output for step in self.steps for output in step.outputs if isinstance(output, kind)]

    @property
    def last(self) -> tuple[Any, ...]:
        """The outputs of the last step."""
        return self.steps[-1].outputs

    # --- the step -------------------------------------------------------------------------------

    def step(self, inp: Any) -> list[Any]:
        """Hands the client an input, now, and returns its outputs; `AssertionError` if it breaks a rule."""
        before = self._visible() if isinstance(inp, Command) else None
        try:
            outputs = list(self.machine.step(self.now, inp))
        except LocalProtocolError:
            assert isinstance(inp, Command), "only a command can be refused"
            assert self._visible() == before, "a command that is refused changes nothing"
            raise
        deadline = self.machine.deadline
        self.steps.append(Step(self.now, inp, tuple(outputs), deadline))
        self.obligations.check(self.now, inp, outputs, deadline)
        self._tell(outputs)
        return outputs

    def _visible(self) -> tuple[Deadline | None, str]:
        return self.machine.deadline, repr(self.machine)

    def _tell(self, outputs: Iterable[Any]) -> None:
        for output in outputs:
            if isinstance(output, Happened):
                self.events.append(output.event)
            elif isinstance(output, _ENDS) and (issued := self._named.get(output.command)) is not None:
                issued.outcome = output.result if isinstance(output, Completed) else output.failure
                issued.ended_at = self.now
