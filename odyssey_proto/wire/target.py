"""Request targets: a path with its query, percent-encoded (RFC 3986 section 3.4)."""

from urllib.parse import quote

from odyssey_proto.kernel.secret import revealed
from odyssey_proto.seam.http import Query


def with_query(target: str, query: Query) -> str:
    """Returns a target with parameters added, percent-encoded (RFC 3986 section 3.4)."""
    pairs = "&".join(f"{quote(name, safe='')}={quote(revealed(value), safe='')}" for name, value in query)
    if not pairs:
        return target
    return f"{target}{'&' if '?' in target else '?'}{pairs}"
