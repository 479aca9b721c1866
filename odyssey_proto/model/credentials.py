"""
What an untrusted client needs to join one session, and what the token in it says.

The wire: docs/protocol.md#client-credentials.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.kernel.secret import SECRET, MaskedRepr
from odyssey_proto.kernel.text import from_base64url
from odyssey_proto.model.address import is_plain_segment, websocket_url
from odyssey_proto.model.validators import Named, check_fields, ruled, whole

MAX_JWT_CHARS = 16_384
"""The longest token that is looked into, in characters."""


@dataclass(frozen=True, slots=True)
class StreamerCapabilities:
    """What the streamer of a session can do (docs/protocol.md#reserving-a-streamer)."""

    image_to_video: bool = False
    """Whether a stream may start from an image."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the form in which both official clients exchange it."""
        return {"image_to_video": self.image_to_video}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Takes `data` of that form, in either spelling; what is not said, or is no flag, is `False`."""
        return cls(data.get("image_to_video", data.get("imageToVideo")) is True)


def _check_address(_: Any, attribute: Named, value: Any) -> None:
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


@dataclass(frozen=True, slots=True, repr=False)
class ClientCredentials(MaskedRepr):
    """
    The right to join one session, without the API key.

    Raises `ValueError` if the address is none or the token names no session.
    """

    signaling_url: str = field(metadata=ruled(_check_address))
    """Where the session's WebSocket is opened: `ws` or `wss`."""
    session_token: str = field(metadata=SECRET)
    """What opens it; a secret."""
    expires_in: int = field(default=600, metadata=ruled(whole(0)))
    """How long the token opened the session when it was minted, in seconds."""
    capabilities: StreamerCapabilities | None = None
    """What the session's streamer can do, if the service said so."""
    # It has a default, so that frameworks that ask for the fields of a class show it too.
    session_id: str = field(init=False, default="")
    """The session, as the token names it."""

    def __post_init__(self) -> None:
        check_fields(self)
        # The only way into a field of a frozen dataclass.
        object.__setattr__(self, "session_id", _named_session(self))

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
        Takes `data` in the form for transport, in the spelling of either official client.

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
    # A whole number may be too large to be asked.
    if isinstance(amount, float) and not math.isfinite(amount):
        raise ValueError("expires_in is without bounds")
    return int(amount)


def claims(jwt: str) -> Mapping[str, Any]:
    """
    Returns the claims of a JWT (RFC 7519 section 7.2), signature and expiry unchecked.

    Raises `RemoteProtocolError` if it is none.
    """
    parts = jwt.split(".") if len(jwt) <= MAX_JWT_CHARS and jwt.isascii() else []
    if len(parts) != 3:
        raise RemoteProtocolError("the token is not a JWT of three parts", status=401)
    return MappingProxyType(read_part(parts[1]))


def session_id_of(jwt: str) -> str:
    """Returns the session that a token opens; raises `RemoteProtocolError` if it names none."""
    found = claims(jwt).get("session_id")
    if not isinstance(found, str) or not is_plain_segment(found):
        raise RemoteProtocolError("the token names no session", status=401)
    return found


def expiry_of(jwt: str) -> int | None:
    """
    Returns when a token ends, in seconds of Unix time, or `None` if it does not say.

    Raises `RemoteProtocolError` if it is no JWT.
    """
    found = claims(jwt).get("exp")
    return int(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def read_part(part: str) -> dict[str, Any]:
    """Returns the JSON object in one part of a JWT; raises `RemoteProtocolError` if there is none."""
    try:
        text = from_base64url(part)
    except ValueError:
        text = b""
    value = parse(text)
    if not isinstance(value, dict):
        raise RemoteProtocolError("the token's part is not a JSON object", status=401)
    return value
