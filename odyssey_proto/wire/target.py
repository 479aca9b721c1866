"""Request targets: a path with its query, percent-encoded (RFC 3986 section 3.4)."""

from urllib.parse import quote

from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.http import Query


def with_query(target: str, query: Query) -> str:
    """Returns a target with parameters added, percent-encoded (RFC 3986 section 3.4)."""
    pairs = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in query)
    if not pairs:
        return target
    return f"{target}{'&' if '?' in target else '?'}{pairs}"


def _quoted(value: str | Secret) -> str:
    return quote(value.reveal() if isinstance(value, Secret) else value, safe="")
