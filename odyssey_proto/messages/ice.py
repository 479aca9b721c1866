"""
ICE servers (docs/protocol.md#ice-servers).
"""

import re
from typing import Any

from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.endpoint import JsonEndpoint, no_params, no_parts
from odyssey_proto.messages.fields import Fields
from odyssey_proto.model.address import http_url
from odyssey_proto.model.ice import IceServer

MAX_SERVERS = 16
MAX_URLS = 8
MAX_URL = 512
"""Limits on what the other side may tell, in pieces and characters."""

# RFC 7064 section 3.1 and RFC 7065 section 3.1.
_SERVER = re.compile(
    r"(?:(stuns?)|turns?):"
    r"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?(1)|(?:\?transport=[a-z]+)?)"
)


def usable_server(url: str) -> bool:
    """Tells whether an address is that of a STUN or TURN server (RFC 7064, RFC 7065)."""
    found = _SERVER.fullmatch(url) if len(url) <= MAX_URL else None
    return found is not None and 0 < int(found["port"] or 3478) <= 65535


def give_servers(servers: tuple[IceServer, ...]) -> dict[str, Any]:
    """Returns the body that lists servers."""
    return {"iceServers": [_give_server(server) for server in servers]}


def take_servers(fields: Fields) -> tuple[IceServer, ...]:
    """
    Takes the body that lists servers, the old key `url` included.

    What no peer connection could use is left out: one bad address would cost the whole connection.
    """
    found = (_take_server(item) for item in fields.objects_if("iceServers"))
    return tuple(server for server in found if server.urls)[:MAX_SERVERS]


def _give_server(server: IceServer) -> dict[str, Any]:
    secrets = {"username": server.username, "credential": server.credential}
    said = {name: secret.reveal() for name, secret in secrets.items() if secret is not None}
    return {"urls": list(server.urls)} | said


def _take_server(fields: Fields) -> IceServer:
    values = fields.values
    listed = values.get("urls", values.get("url"))
    urls = listed if isinstance(listed, list) else [listed]
    username, credential = fields.text_if("username"), fields.text_if("credential")
    # A TURN server without both is refused by every peer connection (W3C WebRTC section 4.2.1).
    entitled = username is not None and credential is not None
    usable = (
        url
        for url in urls
        if isinstance(url, str) and usable_server(url) and (entitled or url.startswith("stun"))
    )
    return IceServer(
        tuple(usable)[:MAX_URLS],
        None if username is None else Secret(username),
        None if credential is None else Secret(credential),
    )


ICE_CONFIG = JsonEndpoint[None, tuple[IceServer, ...]](
    "ice.config",
    "GET",
    "/config",
    "get the ICE servers of the session",
    write=no_parts,
    read=no_params,
    give=give_servers,
    take=take_servers,
    locate=http_url,
    authed=False,
    safe=True,
)
"""Returns the ICE servers; `base` is the signaling URL."""
