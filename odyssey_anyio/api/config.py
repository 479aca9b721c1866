"""What a client is made from, as one value; and what the environment says of it."""

import os
from dataclasses import dataclass, field

from odyssey_proto.kernel.introspection import Value
from odyssey_proto.kernel.secret import SECRET, MaskedRepr
from odyssey_proto.model.config import AdvancedConfig

API_URL = "https://api.odyssey.ml"
"""The service's own address (docs/protocol.md#hosts)."""


def api_url_by_default() -> str:
    """Returns the address in ODYSSEY_API_URL, or the service's own."""
    return os.environ.get("ODYSSEY_API_URL") or API_URL


def api_key_by_default() -> str:
    """Returns the key in ODYSSEY_API_KEY, or an empty one."""
    return os.environ.get("ODYSSEY_API_KEY", "")


@dataclass(slots=True, repr=False)
class ClientConfig(MaskedRepr, Value):
    """
    Everything a client is made from, as in the official client.

    The wire: docs/protocol.md#configuration-surface.
    """

    api_key: str = field(default="", metadata=SECRET)
    """The API key; a secret."""
    api_url: str = field(default_factory=api_url_by_default)
    """The address of the service; that in ODYSSEY_API_URL, or else the service's own."""
    debug: bool = False
    """Whether each step is logged."""
    advanced: AdvancedConfig = field(default_factory=AdvancedConfig)
    """Retries and the queue."""
