"""What a session token says (docs/protocol.md#client-credentials); nobody but the service can check it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from odyssey_proto.kernel import base64url
from odyssey_proto.kernel.errors import RemoteProtocolError
from odyssey_proto.kernel.json_text import parse
from odyssey_proto.model.address import segment

MAX_JWT_CHARS = 16_384
"""The longest token that is looked into, in characters."""


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
    try:
        segment(found if isinstance(found, str) else "")
    except ValueError:
        raise RemoteProtocolError("the token names no session", status=401) from None
    return str(found)


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
        text = base64url.decode(part)
    except ValueError:
        text = b""
    value = parse(text)
    if not isinstance(value, dict):
        raise RemoteProtocolError("the token's part is not a JSON object", status=401)
    return value
