"""The status of a connection, in the words of the public API."""

from enum import StrEnum, unique


@unique
class ConnectionStatus(StrEnum):
    """Where a connection stands (docs/protocol.md#status-and-callbacks)."""

    AUTHENTICATING = "authenticating"
    CONNECTING = "connecting"
    RECONNECTING = "reconnecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
