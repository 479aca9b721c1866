"""How the service makes and checks session tokens (RFC 7519, HS256)."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.text import to_base64url
from odyssey_proto.model.credentials import claims, read_part
from odyssey_proto.seam.http import json_body

_HEADER = {"alg": "HS256", "typ": "JWT"}


def sign(claims: Mapping[str, Any], key: bytes) -> str:
    """Returns a token that says `claims`."""
    said = f"{to_base64url(json_body(_HEADER))}.{to_base64url(json_body(dict(claims)))}"
    return f"{said}.{_signature(said, key)}"


def verify(jwt: str, key: bytes) -> Mapping[str, Any]:
    """
    Returns the claims of a token that was signed with `key`; its expiry is not looked at.

    Raises `RemoteProtocolError` with status 401 if it was not.
    """
    found = claims(jwt)
    said, _, signature = jwt.rpartition(".")
    genuine = hmac.compare_digest(signature.encode(), _signature(said, key).encode())
    # The algorithm is ours to choose, never the token's (RFC 8725 section 3.1).
    if not genuine or read_part(said.partition(".")[0]).get("alg") != _HEADER["alg"]:
        raise RemoteProtocolError("the token was not signed here", status=401)
    return found


def _signature(said: str, key: bytes) -> str:
    return to_base64url(hmac.digest(key, said.encode(), hashlib.sha256))
