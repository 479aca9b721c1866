"""
ICE servers and candidates, and the look of SDP.

The wire: docs/protocol.md#ice-servers, #messages-of-the-client, #ice.
"""

import re
from typing import Any

from attrs import evolve

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.endpoint import JsonEndpoint, no_params, no_parts
from odyssey_proto.messages.fields import Fields
from odyssey_proto.model.address import http_url
from odyssey_proto.model.ice import IceCandidate, IceServer

MAX_SERVERS = 16
MAX_URLS = 8
MAX_URL = 512
MAX_CANDIDATE = 1024
MAX_SDP = 256 * 1024
"""Limits on what the other side may tell, in pieces and characters."""

# RFC 7064 section 3.1 and RFC 7065 section 3.1.
_SERVER = re.compile(
    r"(?:(stuns?)|turns?):"
    r"(?:[A-Za-z0-9._~%-]+|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?(1)|(?:\?transport=[a-z]+)?)"
)

# RFC 8839 section 5.1; further attributes may follow, in pairs.
_CANDIDATE = re.compile(
    r"[A-Za-z0-9+/]{1,32} [0-9]{1,5} [A-Za-z]+ [0-9]{1,10} [A-Za-z0-9.:%_-]{1,255} (?P<port>[0-9]{1,5})"
    r" typ [a-z]+(?: (?!rport )\S+ \S+| rport (?P<rport>[0-9]{1,5}))*(?: \S+)?",
    re.ASCII,
)


def is_candidate(text: str) -> bool:
    """Tells whether a text without its prefix has the fields of a candidate (RFC 8839 section 5.1)."""
    plain = len(text) <= MAX_CANDIDATE and text.isprintable()
    found = _CANDIDATE.fullmatch(text) if plain else None
    return found is not None and max(int(found["port"]), int(found["rport"] or 0)) <= 65535


def check_candidate(candidate: IceCandidate) -> IceCandidate | None:
    """
    Returns a candidate without the prefix `candidate:`, or `None` for the end of the candidates.

    Raises `RemoteProtocolError` if it does not look like one (RFC 8839 section 5.1).
    """
    text = candidate.candidate.strip().removeprefix("a=").removeprefix("candidate:").strip()
    if not text:
        return None
    if not is_candidate(text):
        raise RemoteProtocolError("the fields of the candidate are not those of RFC 8839")
    return evolve(candidate, candidate=text)


def check_sdp(sdp: str) -> None:
    """
    Takes a description that looks like one for WebRTC (RFC 8866, RFC 8839, RFC 8122).

    Raises `RemoteProtocolError` that says what is missing.
    """
    if len(sdp) > MAX_SDP:
        raise RemoteProtocolError(f"the description is longer than {MAX_SDP} characters", status=413)
    if "\0" in sdp:
        raise RemoteProtocolError("the description holds a NUL character")
    lines = [line.rstrip("\r") for line in sdp.split("\n")]
    if lines[0] != "v=0":
        raise RemoteProtocolError("the description does not begin with v=0")
    for prefix in ("m=", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:"):
        if not any(line.startswith(prefix) for line in lines):
            raise RemoteProtocolError(f"the description has no line {prefix}")


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
