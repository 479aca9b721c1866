"""What can be recorded, and what a recording makes anew."""

from typing import Any

import pytest
from core.gauntlet import SETTINGS

from odyssey_proto.client import Client
from odyssey_proto.secret import Secret
from odyssey_proto.service.service import Service
from odyssey_proto.settings import SpectatorSettings
from odyssey_proto.spectator import Spectator
from odyssey_proto.trace.machines import ServiceSettings, fresh, kind_of


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
    assert kind_of(settings) == kind
    assert type(fresh(settings)) is machine
