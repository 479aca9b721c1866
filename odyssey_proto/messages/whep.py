"""Watching a broadcast by WHEP (docs/protocol.md#whep; draft-ietf-wish-whep; RFC 9725)."""

from urllib.parse import parse_qsl, urljoin

from attrs import evolve, field, frozen

from odyssey_proto.kernel.failures import (
    Failure,
    FailureKind,
    LocalProtocolError,
    RemoteProtocolError,
    invalid,
)
from odyssey_proto.kernel.secret import Secret, revealed, sized
from odyssey_proto.kernel.url import parse_http
from odyssey_proto.messages.endpoint import path_of
from odyssey_proto.messages.ice import ICE_CONFIG
from odyssey_proto.messages.refusals import Meaning, malformed, refusal
from odyssey_proto.messages.sdp import MAX_SDP, check_sdp
from odyssey_proto.model.address import http_url
from odyssey_proto.seam.http import HttpReply, HttpRequest, Query, redirected

SDP = "application/sdp"

_MEANINGS: dict[int, Meaning] = {
    401: (FailureKind.AUTH_REFUSED, "whep.invalid_token"),
    403: (FailureKind.AUTH_REFUSED, "whep.invalid_token"),
    404: (FailureKind.NOT_FOUND, "whep.no_stream"),
}


@frozen
class WhepOffer:
    """A spectator wants to watch."""

    sdp: str = field(repr=sized)
    token: Secret


@frozen
class WhepAnswer:
    """The media server sends the stream."""

    sdp: str = field(repr=sized)
    location: str | None = field(default=None, repr=False)
    """Where to leave, as the server said it: `resource` makes an address of it."""


@frozen
class WhepOfferEndpoint:
    """The call that begins to watch; `base` is the broadcast's `webrtc_url`."""

    name: str = "whep.offer"
    purpose: str = "watch the broadcast"
    authed: bool = False
    safe: bool = False

    def encode_request(self, base: str, params: WhepOffer, token: Secret | None = None) -> HttpRequest:
        """Returns the request."""
        address, query = _parted(base)
        return HttpRequest(
            "POST",
            f"{address}/whep",
            query=(*((name, Secret(str(value))) for name, value in query), ("token", params.token)),
            headers=(("accept", SDP), ("content-type", SDP)),
            body=params.sdp,
            accepts=MAX_SDP,
        )

    def decode_request(self, request: HttpRequest) -> WhepOffer:
        """Returns the offer of a request."""
        return WhepOffer(_sdp_of(request.content()), Secret(revealed(request.parameter("token")) or ""))

    def encode_reply(self, result: WhepAnswer) -> HttpReply:
        """Returns the reply."""
        location = () if result.location is None else (("location", result.location),)
        # A browser on another origin sees no Location unless it is exposed.
        headers = (("content-type", SDP), *location, ("access-control-expose-headers", "Location"))
        return HttpReply(201, headers, result.sdp.encode())

    def decode_reply(self, reply: HttpReply) -> WhepAnswer | Failure:
        """Returns the answer of a reply."""
        if not reply.ok:
            return refusal(reply, self.purpose, _MEANINGS)
        try:
            return WhepAnswer(_sdp_of(reply.body), reply.header("location"))
        except RemoteProtocolError as error:
            return malformed(reply, self.purpose, error)

    def named(self, result: WhepAnswer) -> str | None:
        """Returns nothing: there is one thing only that it can be about."""

    def matches(self, request: HttpRequest) -> bool:
        """Tells whether a request begins to watch."""
        return request.method == "POST" and path_of(request).endswith("/whep")


@frozen
class WhepLeaveEndpoint:
    """The call that stops watching; `base` is the address that `resource` gave."""

    name: str = "whep.leave"
    purpose: str = "leave the broadcast"
    authed: bool = False
    safe: bool = True

    def encode_request(self, base: str, params: None, token: Secret | None = None) -> HttpRequest:
        """Returns the request."""
        address, query = _parted(base)
        return HttpRequest("DELETE", address, query=query, accepts=MAX_SDP)

    def decode_request(self, request: HttpRequest) -> None:
        """Takes nothing: the path says who leaves."""

    def encode_reply(self, result: None) -> HttpReply:
        """Returns the reply."""
        return HttpReply(200)

    def decode_reply(self, reply: HttpReply) -> Failure | None:
        """Returns nothing; who is gone already has left as well."""
        return None if reply.ok or reply.status in (404, 410) else refusal(reply, self.purpose, _MEANINGS)

    def named(self, result: None) -> str | None:
        """Returns nothing: there is one thing only that it can be about."""

    def matches(self, request: HttpRequest) -> bool:
        """Tells whether a request stops watching."""
        return request.method == "DELETE" and "/whep/" in path_of(request)


def resource(asked: HttpRequest, reply: HttpReply) -> str | None:
    """
    Returns the address at which to leave what a reply made, or `None` if it named none that is usable.

    It is on the origin that answered: no server may have us delete what is another's.
    """
    address = _joined(asked.url, reply.header("location")) if reply.ok else None
    if address is None or parse_http(address).origin != parse_http(asked.url).origin:
        return None
    return address


def redirected_offer(offer: HttpRequest, reply: HttpReply) -> HttpRequest | None:
    """
    Returns the offer for where a reply sends it, or `None` if the reply sends it nowhere.

    RFC 9725 section 4.5 wants redirects followed; here they stay on the origin.
    Our token does not follow, unless it is part of the new address.
    """
    try:
        elsewhere = redirected(offer, reply)
        if elsewhere is None:
            return None
        plain, query = _parted(elsewhere.url)
    except (LocalProtocolError, RemoteProtocolError):
        return None
    return evolve(elsewhere, url=plain, query=tuple((name, Secret(str(value))) for name, value in query))


def _joined(base: str, location: str | None) -> str | None:
    if not location:
        return None
    try:
        address = urljoin(base, location)
        _parted(address)
        parse_http(address)
    except (ValueError, LocalProtocolError):
        return None
    return address if address.startswith(("http://", "https://")) else None


def _sdp_of(body: bytes) -> str:
    try:
        sdp = body.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("the description is not UTF-8", status=400) from None
    check_sdp(sdp)
    return sdp


def _parted(address: str) -> tuple[str, Query]:
    """Returns an address without its query and trailing slashes, and the query."""
    plain, _, query = address.partition("?")
    try:
        return http_url(plain), tuple(parse_qsl(query, keep_blank_values=True, max_num_fields=32))
    except ValueError as error:
        raise invalid(str(error)) from None


def _origin(address: str) -> str:
    plain = http_url(address.partition("?")[0])
    scheme, _, rest = plain.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


WHEP_CONFIG = evolve(
    ICE_CONFIG, name="whep.config", purpose="get the ICE servers of the broadcast", locate=_origin
)
"""Returns the ICE servers for a spectator; `base` is the broadcast's `webrtc_url`."""

WHEP_OFFER = WhepOfferEndpoint()
"""Begins to watch."""

WHEP_LEAVE = WhepLeaveEndpoint()
"""Stops watching."""
