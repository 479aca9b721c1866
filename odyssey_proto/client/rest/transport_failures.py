"""From how the outside broke to what that means for a call."""

from odyssey_proto.kernel.failures import Failure, FailureKind, LocalProtocolError
from odyssey_proto.kernel.server_words import server_words
from odyssey_proto.kernel.url import host_and_port, parse
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind

_MEANING: dict[TransportErrorKind, tuple[FailureKind, str]] = {
    TransportErrorKind.UNRESOLVED: (FailureKind.UNREACHABLE, "the host name is unknown"),
    TransportErrorKind.REFUSED: (FailureKind.UNREACHABLE, "the connection was refused"),
    TransportErrorKind.UNREACHABLE: (FailureKind.UNREACHABLE, "the host cannot be reached"),
    TransportErrorKind.NO_RELAY: (
        FailureKind.UNREACHABLE,
        "only relays are allowed, and no TURN server gave one",
    ),
    TransportErrorKind.TLS: (FailureKind.UNREACHABLE, "the TLS handshake failed"),
    TransportErrorKind.CERTIFICATE: (FailureKind.NETWORK_SETUP, "the certificate is not trusted"),
    TransportErrorKind.PROXY: (FailureKind.NETWORK_SETUP, "there is no way through the proxy"),
    TransportErrorKind.CLOSED: (FailureKind.UNREACHABLE, "the connection broke"),
    TransportErrorKind.MALFORMED: (FailureKind.MALFORMED, "what arrived breaks the protocol"),
    TransportErrorKind.TOO_LARGE: (FailureKind.MALFORMED, "a message is over the size limit"),
    TransportErrorKind.SILENT: (FailureKind.UNREACHABLE, "the other side went silent"),
    TransportErrorKind.INVALID: (FailureKind.INVALID, "what was given is unusable"),
    TransportErrorKind.INTERNAL: (FailureKind.MEDIA_FAILED, "a library failed unexpectedly"),
}


def broken(error: TransportError, what: str, url: str = "") -> Failure:
    """Returns the failure of `what`, which broke in this way; with its address, host and port are named."""
    kind, words = _MEANING[error.kind]
    if kind is FailureKind.NETWORK_SETUP:
        words = f"{words}: {server_words(error.detail)}"
    text = f"{what}: {words}{_place(url) if kind is FailureKind.UNREACHABLE else ''}"
    return Failure(kind, text, code=f"network.{error.kind.value}", detail=server_words(error.detail))


def _place(url: str) -> str:
    try:
        address = parse(url)
    except LocalProtocolError:
        return ""
    return f" ({host_and_port(address.host, address.port)})"
