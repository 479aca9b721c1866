"""
Reserving a streamer, and the token that opens it.

The wire: docs/protocol.md#reserving-a-streamer, #session-token.
"""

from typing import Any

from attrs import field, frozen

from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.endpoint import JsonEndpoint, Parts
from odyssey_proto.messages.fields import Fields, in_seconds
from odyssey_proto.messages.refusals import refusal, retry_after
from odyssey_proto.model.address import websocket_url
from odyssey_proto.model.credentials import StreamerCapabilities
from odyssey_proto.seam.http import HttpReply

DEFAULT_LIFE = seconds(600)
"""How long a session token lasts that does not say so."""


@frozen
class SessionRequest:
    """A request for a streamer; `latencies` has the milliseconds to each region, if measured."""

    latencies: tuple[tuple[str, int], ...] = ()


@frozen
class Grant:
    """A reserved streamer, and where to meet it."""

    session_id: str
    signaling_url: str
    """Usable for `socket_url` and `ICE_CONFIG`."""
    capabilities: StreamerCapabilities = field(factory=StreamerCapabilities)
    streamer_id: str | None = None
    model: str | None = None
    region: str | None = None


@frozen
class SessionToken:
    """What opens the session's WebSocket."""

    token: Secret
    lasts: Span
    """From the reply on; it bounds the opening, not the session."""


def _write_request(params: SessionRequest) -> Parts:
    return Parts(body={"region_latencies": dict(params.latencies)} if params.latencies else {})


def _read_request(parts: Parts) -> SessionRequest:
    latencies = parts.fields.object_or("region_latencies", Fields({}))
    return SessionRequest(tuple((name, latencies.whole(name)) for name in latencies.names))


def _give_grant(grant: Grant) -> dict[str, Any]:
    informative = {"streamer_id": grant.streamer_id, "model": grant.model, "region": grant.region}
    return {
        "session_id": grant.session_id,
        # The wire has this spelling here and nowhere else.
        "signalling_url": grant.signaling_url,
        "capabilities": grant.capabilities.to_dict(),
    } | {name: value for name, value in informative.items() if value is not None}


def _take_grant(fields: Fields) -> Grant:
    capabilities = fields.values.get("capabilities")
    return Grant(
        session_id=fields.identifier("session_id"),
        signaling_url=fields.address("signalling_url", websocket_url),
        capabilities=StreamerCapabilities.from_dict(capabilities if isinstance(capabilities, dict) else {}),
        streamer_id=fields.text_if("streamer_id"),
        model=fields.text_if("model"),
        region=fields.text_if("region"),
    )


def _refuse_request(reply: HttpReply, purpose: str) -> Failure:
    failure = refusal(reply, purpose)
    if reply.status != 503:
        return failure
    return Failure(
        FailureKind.NO_CAPACITY,
        f"could not {purpose}: no streamer is free",
        code="session.no_capacity",
        status=reply.status,
        retry_after=retry_after(reply),
        detail=failure.detail,
    )


def _write_id(session_id: str) -> Parts:
    return Parts(body={"session_id": session_id})


def _read_id(parts: Parts) -> str:
    return parts.fields.identifier("session_id")


def _give_token(result: SessionToken) -> dict[str, Any]:
    return {"session_token": result.token.reveal(), "expires_in": in_seconds(result.lasts)}


def _take_token(fields: Fields) -> SessionToken:
    return SessionToken(fields.secret("session_token"), fields.span_or("expires_in", DEFAULT_LIFE))


SESSION_REQUEST = JsonEndpoint[SessionRequest, Grant](
    "sessions.request",
    "POST",
    "/sessions/request",
    "reserve a session",
    write=_write_request,
    read=_read_request,
    give=_give_grant,
    take=_take_grant,
    refuse=_refuse_request,
)
"""Reserves a streamer; `NO_CAPACITY` while none is free."""

SESSION_TOKEN = JsonEndpoint[str, SessionToken](
    "sessions.token",
    "POST",
    "/sessions/token",
    "get the token of the session",
    write=_write_id,
    read=_read_id,
    give=_give_token,
    take=_take_token,
    safe=True,
)
"""Takes a session's id, gives the token that opens it."""
