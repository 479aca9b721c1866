"""What may help against a failure, in one line."""

from attrs import fields

from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.model.config import Timeouts

_PATIENCE = frozenset(phase for phase in Phase if phase.value in {each.name for each in fields(Timeouts)})
"""The phases that have a deadline of their own in `Timeouts`."""

_HINTS = {
    "auth.forbidden": "The service knows the key and says no: see the account on the developer portal.",
    "auth.denied": "The service knows the key and says no: see the account on the developer portal.",
    "auth.no_key": "Pass api_key=… or set ODYSSEY_API_KEY.",
    "credentials.expired": "Have new credentials minted; if these are new, set the clock that is wrong.",
    "internal": "A bug: the log of `odyssey.client` has the traceback.",
    "media.dtls": "The other side has another certificate than it said, or it broke off: try again.",
    "network.internal": "A bug, of ours or of a library: the log of `odyssey` at level DEBUG says where.",
    "network.too_large": "What was sent or answered is larger than any message of this protocol should be.",
    "network.certificate": (
        "SSL_CERT_FILE or ssl_context=… names further authorities; a clock that is wrong looks like this too."
    ),
    "network.proxy": "Check HTTPS_PROXY and its credentials, or name the host in NO_PROXY.",
    "state.connecting": "Another task is connecting this client; use a second client for a second session.",
    "state.not_connected": "Call connect() first.",
    "timeout.simulation": "The simulation goes on: wait for it again, or for longer (timeout=…).",
    "timeout.recording": "It may still come: wait for it again, or for longer (timeout=…).",
    "timeout.transfer": "timeout=… says how long it may take; a further try goes on where this one ended.",
    "whep.invalid_token": "The token is of another broadcast or has ended: ask for a new one.",
    FailureKind.AUTH_REFUSED.value: (
        "Check the API key; it begins with ody_ and is listed on the developer portal."
    ),
    FailureKind.NO_CAPACITY.value: (
        "All streamers are busy: try again later, or wait longer with Timeouts(queue=…)."
    ),
    FailureKind.UNREACHABLE.value: "Check the network and the address of the API (api_url, ODYSSEY_API_URL).",
    FailureKind.MEDIA_FAILED.value: (
        "A firewall may block WebRTC; IcePolicy(relay_only=True) goes through TURN."
    ),
    FailureKind.CLOSED_BY_PEER.value: "Call connect() again for a new session.",
}


def hint(failure: Failure) -> str | None:
    """Returns what may help, in one line, or `None`."""
    if failure.usage is not None:
        words = (failure.usage.action, failure.usage.action_url or "")
        return " ".join(" ".join(words).split()) or None
    if failure.kind is FailureKind.TIMED_OUT and failure.phase in _PATIENCE:
        return f"Timeouts({failure.phase.value}=…) sets how long this may take."
    if failure.kind is FailureKind.AUTH_REFUSED and failure.phase is Phase.SIGNAL:
        return "The session token was refused, not the API key: connect again, or mint new credentials."
    if failure.kind is FailureKind.UNREACHABLE and failure.phase is Phase.SPECTATE:
        return "Check the network and webrtc_url, which is good while the broadcast runs."
    return _HINTS.get(failure.code) or _HINTS.get(failure.kind.value)
