"""What an untrusted client needs to join one session (docs/protocol.md#client-credentials)."""

import math
from collections.abc import Mapping
from typing import Any, Self

from attrs import Factory, field, frozen

from odyssey_proto.kernel.errors import RemoteProtocolError
from odyssey_proto.kernel.secret import secret_field
from odyssey_proto.model.address import websocket_url
from odyssey_proto.model.capabilities import StreamerCapabilities
from odyssey_proto.model.token import expiry_of, session_id_of
from odyssey_proto.model.validators import whole


def _check_address(_: Any, attribute: Any, value: Any) -> None:
    try:
        websocket_url(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(f"{attribute.name}: {error}") from None


def _named_session(credentials: "ClientCredentials") -> str:
    token: object = credentials.session_token
    try:
        return session_id_of(token if isinstance(token, str) else "")
    except RemoteProtocolError as error:
        raise ValueError(f"session_token: {error}") from None


@frozen
class ClientCredentials:
    """
    The right to join one session, without the API key.

    Raises `ValueError` if the address is none or the token names no session.
    """

    signaling_url: str = field(validator=_check_address)
    session_token: str = secret_field()
    expires_in: int = field(default=600, validator=whole(0))
    """How long the token opened the session when it was minted, in seconds."""
    capabilities: StreamerCapabilities | None = None
    session_id: str = field(init=False, default=Factory(_named_session, takes_self=True))
    """The session, as the token names it."""

    @property
    def expires_at(self) -> int | None:
        """When the token ends, in seconds of Unix time, if it says so."""
        return expiry_of(self.session_token)

    def to_dict(self) -> dict[str, Any]:
        """Returns the form for transport, the whole token in it."""
        form: dict[str, Any] = {
            "session_id": self.session_id,
            "signaling_url": self.signaling_url,
            "session_token": self.session_token,
            "expires_in": self.expires_in,
        }
        if self.capabilities is not None:
            form["capabilities"] = self.capabilities.to_dict()
        return form

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """
        Takes the form for transport, in the spelling of either official client.

        The session's id is read from the token, not from the form.
        Raises `ValueError` that names what is missing or wrong.
        """
        if not isinstance(data, Mapping):
            raise ValueError("credentials are not an object")
        capabilities = data.get("capabilities")
        return cls(
            signaling_url=_needed(data, "signaling_url", "signalingUrl", str),
            session_token=_needed(data, "session_token", "sessionToken", str),
            expires_in=_in_whole_seconds(_needed(data, "expires_in", "expiresIn", int | float)),
            capabilities=(
                StreamerCapabilities.from_dict(capabilities) if isinstance(capabilities, Mapping) else None
            ),
        )


def _needed(data: Mapping[str, Any], name: str, other: str, kind: Any) -> Any:
    value = data.get(name, data.get(other))
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name} is missing or of the wrong type")
    return value


def _in_whole_seconds(amount: float) -> int:
    if not math.isfinite(amount):
        raise ValueError("expires_in is without bounds")
    return int(amount)
