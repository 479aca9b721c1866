"""Typed values to and from what travels: REST calls and JSON texts, for both ends."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from odyssey_proto.messages.auth import AUTH_TOKEN
from odyssey_proto.messages.endpoint import Endpoint
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.regions import REGIONS
from odyssey_proto.messages.sessions import SESSION_REQUEST, SESSION_TOKEN

ENDPOINTS: Mapping[str, Endpoint[Any, Any]] = MappingProxyType(
    {
        endpoint.name: endpoint
        for endpoint in (
            AUTH_TOKEN,
            REGIONS,
            SESSION_REQUEST,
            SESSION_TOKEN,
            ICE_CONFIG,
        )
    }
)
"""Every REST call by its name."""

__all__ = ("ENDPOINTS", "Endpoint")
