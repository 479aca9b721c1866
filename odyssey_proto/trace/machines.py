"""
The machines that can be recorded, and how a fresh one is made from what a trace says of it.

Nothing else that has to do with traces knows the machines: whoever replays one hands `fresh` in, or
another way to make the machine that is put to the test.
"""

from typing import Any, assert_never

from odyssey_proto.client.client import Client
from odyssey_proto.client.spectator import Spectator
from odyssey_proto.kernel.machine import Machine
from odyssey_proto.seam.commands import Command
from odyssey_proto.seam.inputs import NetworkInput
from odyssey_proto.seam.outputs import ClientInput, ClientOutput
from odyssey_proto.seam.settings import Settings, SpectatorSettings
from odyssey_proto.service.io.config import ServiceSettings
from odyssey_proto.service.io.seam import ServiceInput, ServiceOutput
from odyssey_proto.service.service import Service

type AnySettings = Settings | SpectatorSettings | ServiceSettings
"""What a recorded machine was made with."""


def seam_of(settings: AnySettings) -> tuple[Any, Any]:
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


def fresh(settings: AnySettings) -> Machine[Any, Any]:
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
