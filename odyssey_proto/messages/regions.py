"""Where streamers are, and how far away that is (docs/protocol.md#regions)."""

from typing import Any

from attrs import frozen

from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.endpoint import JsonEndpoint, no_params, no_parts
from odyssey_proto.messages.fields import Fields
from odyssey_proto.messages.refusals import refusal
from odyssey_proto.model.address import MAX_ADDRESS_CHARS, MAX_ID, Region
from odyssey_proto.seam.http import HttpReply, HttpRequest

MAX_REGIONS = 64
"""The most regions that are looked at."""

PING_ACCEPTS = 64 * 1024
"""The largest reply to a ping, in bytes; nobody reads it."""


@frozen
class PingEndpoint:
    """
    The call that measures the way to a region: how long it takes is all that counts.

    It goes to the address of the region, carries no token and is not repeated.
    """

    name: str = "regions.ping"
    purpose: str = "ping the region"
    authed: bool = False
    safe: bool = False

    def encode_request(self, base: str, params: Region, token: Secret | None = None) -> HttpRequest:
        """Returns the request."""
        return HttpRequest("GET", params.ping_url, accepts=PING_ACCEPTS)

    def decode_reply(self, reply: HttpReply) -> Failure | None:
        """Returns nothing for a success, whatever is in it."""
        return None if reply.ok else refusal(reply, self.purpose)

    def named(self, result: None) -> str | None:
        """Returns nothing: there is one thing only that it can be about."""


PING = PingEndpoint()


def _give(regions: tuple[Region, ...]) -> dict[str, Any]:
    return {"regions": [{"id": region.id, "ping_url": region.ping_url} for region in regions]}


def _take(fields: Fields) -> tuple[Region, ...]:
    """Leaves out what cannot be pinged: one odd region must not cost the others."""
    found = (
        Region(item.text_if("id") or "", item.text_if("ping_url") or "")
        for item in fields.objects_if("regions")
    )
    return tuple(region for region in found if _usable(region))[:MAX_REGIONS]


def _usable(region: Region) -> bool:
    url = region.ping_url
    pingable = url.lower().startswith(("http://", "https://")) and url.isascii() and url.isprintable()
    return (
        bool(region.id)
        and len(region.id) <= MAX_ID
        and pingable
        and " " not in url
        and len(url) <= MAX_ADDRESS_CHARS
    )


REGIONS = JsonEndpoint[None, tuple[Region, ...]](
    "regions.list",
    "GET",
    "/regions",
    "list the regions",
    write=no_parts,
    read=no_params,
    give=_give,
    take=_take,
    safe=True,
)
"""Returns the regions, in the server's order."""
