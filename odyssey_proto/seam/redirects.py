"""Where a reply sends its request (RFC 9110 section 15.4): one rule for calls, downloads and WHEP."""

from attrs import evolve

from odyssey_proto.kernel.errors import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.url import join, parse_http
from odyssey_proto.seam.http import HttpReply, HttpRequest

MAX_REDIRECTS = 3
"""How many redirects in a row are followed."""

_KEEP_METHOD = frozenset({307, 308})
"""The redirects that any request may follow, because method and body stay as they are."""

_REDIRECTS = frozenset({301, 302, 303}) | _KEEP_METHOD


def redirected(request: HttpRequest, reply: HttpReply) -> HttpRequest | None:
    """
    Returns the request for where a reply sends it, or `None` if the reply is no redirect that it may follow.

    A request that is not safe follows 307 and 308 only, and whether it is wise to send it twice is
    for the caller to decide.
    The new address says everything: the query, which may hold a secret, stays behind, and so does the
    access token if the address has another origin.
    Raises `RemoteProtocolError` if the reply names no usable HTTP address.
    """
    location = reply.header("location")
    if location is None or reply.status not in (_REDIRECTS if request.safe else _KEEP_METHOD):
        return None
    try:
        url = join(request.url, location)
        elsewhere = parse_http(url).origin != parse_http(request.url).origin
    except LocalProtocolError:
        raise RemoteProtocolError("a redirect to no usable address") from None
    headers = tuple(pair for pair in request.headers if not (elsewhere and pair[0] == "authorization"))
    return evolve(request, url=url, query=(), headers=headers)
