"""A core and what is kept beside it: its clock, its trace, the names of its commands."""

from itertools import count
from typing import Protocol

from attrs import define, field

from odyssey_anyio.aio.machine_loop import Clock
from odyssey_anyio.tracing.tracer import Tracer
from odyssey_proto.kernel.machine import Machine
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.seam.outputs import ClientInput, ClientOutput


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
