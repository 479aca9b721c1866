"""The machines that can be recorded, and how a fresh one is made from what a trace says of it."""

from typing import Any, assert_never

from attrs import field, frozen

from odyssey_proto.client.client import Client, ClientInput
from odyssey_proto.client.spectator import Spectator
from odyssey_proto.kernel.machine import Machine
from odyssey_proto.seam.commands import Command
from odyssey_proto.seam.inputs import NetworkInput
from odyssey_proto.seam.outputs import ClientOutput
from odyssey_proto.seam.settings import Settings, SpectatorSettings
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.seam import ServiceInput, ServiceOutput
from odyssey_proto.service.service import Service


@frozen
class ServiceSettings:
    """Everything that a service's behaviour depends on besides its inputs."""

    config: ServiceConfig = field(factory=ServiceConfig)
    seed: bytes = field(default=b"", repr=False)
    wall: int = 0


type Recordable = Settings | SpectatorSettings | ServiceSettings
"""What a recorded machine was made with."""


def kind_of(settings: Recordable) -> str:
    """Returns the word for the machine that such settings make."""
    match settings:
        case Settings():
            return "client"
        case SpectatorSettings():
            return "spectator"
        case ServiceSettings():
            return "service"
        case _:
            assert_never(settings)


def seam_of(settings: Recordable) -> tuple[Any, Any]:
    """Returns the types of what the machine that such settings make takes, and of what it gives."""
    match settings:
        case Settings():
            return ClientInput, ClientOutput
        case SpectatorSettings():
            return NetworkInput | Command, ClientOutput
        case ServiceSettings():
            return ServiceInput, ServiceOutput
        case _:
            assert_never(settings)


def fresh(settings: Recordable) -> Machine[Any, Any]:
    """Returns a new machine."""
    match settings:
        case Settings():
            return Client(settings)
        case SpectatorSettings():
            return Spectator(settings)
        case ServiceSettings(config, seed, wall):
            return Service(config, seed, wall)
        case _:
            assert_never(settings)


def state_of(machine: Machine[Any, Any]) -> tuple[tuple[str, str], ...]:
    """Returns the state of a machine in a few words, each with its name; nothing secret is among them."""
    deadline = machine.deadline
    waits = "" if deadline is None else f"{deadline.reason.name} at {deadline.at}"
    match machine:
        case Client():
            states = " ".join(state.name for state in machine.states)
            return (
                ("status", machine.status.value),
                ("session", machine.session_id or ""),
                ("phase", states),
                ("calls", str(machine.calls)),
                ("jobs", str(machine.jobs)),
                ("waits", waits),
            )
        case Spectator():
            return (("status", machine.status.value), ("phase", machine.state.name), ("waits", waits))
        case _:
            return (("machine", repr(machine)), ("waits", waits))
