"""What can be recorded, and what a recording makes anew."""

from typing import Any

import pytest

from odyssey_proto.client.client import Client
from odyssey_proto.client.spectator import Spectator
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.commands import Command, CommandId, Connect
from odyssey_proto.seam.http import ExchangeId
from odyssey_proto.seam.inputs import PeerId, SocketId, Wake
from odyssey_proto.seam.outputs import DropPeer
from odyssey_proto.seam.settings import SpectatorSettings
from odyssey_proto.service.io.config import ServiceSettings
from odyssey_proto.service.io.seam import AcceptSocket, AskerGone
from odyssey_proto.service.service import Service
from odyssey_proto.testing.by_hand import SETTINGS
from odyssey_proto.trace.machines import fresh, seam_of
from odyssey_proto.trace.replay import state_of
from odyssey_proto.trace.shapes import shape


@pytest.mark.parametrize(
    ("settings", "kind", "machine"),
    [
        (SETTINGS, "client", Client),
        (
            SpectatorSettings(webrtc_url="https://w.example/live/1", token=Secret("token")),
            "spectator",
            Spectator,
        ),
        (ServiceSettings(seed=b"1"), "service", Service),
    ],
)
def test_settings_make_their_machine(settings: Any, kind: str, machine: type) -> None:
    assert settings.machine == kind
    assert type(fresh(settings)) is machine
    takes, gives = map(shape, seam_of(settings))
    assert takes(Wake())
    assert takes(Command(CommandId(1), Connect())) == (kind != "service")
    assert takes(AskerGone(ExchangeId(1))) == gives(AcceptSocket(SocketId(1))) == (kind == "service")
    assert gives(DropPeer(PeerId(1)))
    assert not gives(Wake())
    assert dict(state_of(fresh(settings)))["waits"] == ""


def test_the_state_of_a_spectator_is_written_in_words() -> None:
    settings = SpectatorSettings(webrtc_url="https://w.example/live/1", token=Secret("token"))
    spectator = fresh(settings)
    assert dict(state_of(spectator)) == {"status": "disconnected", "phase": "IDLE", "waits": ""}
    spectator.step(Instant(0), Command(CommandId(1), Connect()))
    assert dict(state_of(spectator)) == {
        "status": "connecting",
        "phase": "PREPARING",
        "waits": "ICE_CONFIG_TIMEOUT at 5000000",
    }
