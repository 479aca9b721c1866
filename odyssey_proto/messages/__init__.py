"""Typed values and their form on the wire: REST calls and JSON texts, for both ends."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from odyssey_proto.messages.auth import AUTH_TOKEN
from odyssey_proto.messages.endpoint import Endpoint
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.recordings import GET_RECORDING, LIST_STREAM_RECORDINGS
from odyssey_proto.messages.regions import REGIONS
from odyssey_proto.messages.sessions import SESSION_REQUEST, SESSION_TOKEN
from odyssey_proto.messages.simulations import (
    CANCEL_SIMULATION,
    GET_SIMULATE_STATUS,
    LIST_SIMULATIONS,
    SIMULATE,
    WATCH_SIMULATION,
)
from odyssey_proto.messages.telemetry import TELEMETRY
from odyssey_proto.messages.whep import WHEP_CONFIG, WHEP_LEAVE, WHEP_OFFER

_ALL: tuple[Endpoint[Any, Any], ...] = (
    AUTH_TOKEN,
    REGIONS,
    SESSION_REQUEST,
    SESSION_TOKEN,
    ICE_CONFIG,
    GET_RECORDING,
    LIST_STREAM_RECORDINGS,
    SIMULATE,
    GET_SIMULATE_STATUS,
    LIST_SIMULATIONS,
    CANCEL_SIMULATION,
    WATCH_SIMULATION,
    TELEMETRY,
    WHEP_CONFIG,
    WHEP_OFFER,
    WHEP_LEAVE,
)

ENDPOINTS: Mapping[str, Endpoint[Any, Any]] = MappingProxyType({endpoint.name: endpoint for endpoint in _ALL})
"""Every REST call by its name."""

__all__ = ("ENDPOINTS", "Endpoint")
