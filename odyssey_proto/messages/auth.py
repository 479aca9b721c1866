"""From the API key to an access token (docs/protocol.md#access-token)."""

from attrs import frozen

from odyssey_proto.kernel.failures import Failure, FailureKind
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.endpoint import JsonEndpoint, Parts
from odyssey_proto.messages.fields import Fields, in_seconds
from odyssey_proto.messages.refusals import refusal
from odyssey_proto.seam.http import HttpReply

DEFAULT_LIFE = seconds(3600)
"""How long a token lasts that does not say so."""


@frozen
class AccessToken:
    """What every other call is authorized with."""

    token: Secret
    lasts: Span
    """From the reply on."""


_MEANINGS = {
    401: (FailureKind.AUTH_REFUSED, "auth.invalid_key"),
    403: (FailureKind.AUTH_REFUSED, "auth.denied"),
    422: (FailureKind.AUTH_REFUSED, "auth.malformed_key"),
}


def _write(api_key: Secret) -> Parts:
    return Parts(body={"api_key": api_key})


def _read(parts: Parts) -> Secret:
    return Secret(parts.fields.text("api_key"))


def _give(result: AccessToken) -> dict[str, object]:
    return {"access_token": result.token.reveal(), "expires_in": in_seconds(result.lasts)}


def _take(fields: Fields) -> AccessToken:
    return AccessToken(fields.secret("access_token"), fields.span_or("expires_in", DEFAULT_LIFE))


def _refuse(reply: HttpReply, purpose: str) -> Failure:
    return refusal(reply, purpose, _MEANINGS)


AUTH_TOKEN = JsonEndpoint[Secret, AccessToken](
    "auth.token",
    "POST",
    "/auth/token",
    "get access with the API key",
    write=_write,
    read=_read,
    give=_give,
    take=_take,
    refuse=_refuse,
    authed=False,
    safe=True,
)
"""Takes the API key, gives an access token; each refusal of the key itself is `AUTH_REFUSED`."""
