"""Base64 in the alphabet of URLs, without padding (RFC 4648 section 5), as in JWTs (RFC 7515 section 2)."""

import base64


def encode(data: bytes) -> str:
    """Returns bytes as text."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Returns the bytes of a text; raises `ValueError` if it is none."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
