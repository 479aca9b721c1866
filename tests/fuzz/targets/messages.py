"""What is said: replies and requests of the API, signaling, stream control, descriptions, candidates."""

from contextlib import suppress

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.messages import ENDPOINTS, signaling, stream
from odyssey_proto.messages.sdp import check_candidate, check_sdp, read_description
from odyssey_proto.model.ice import IceCandidate
from odyssey_proto.seam.http import HttpReply, HttpRequest

ALL = tuple(ENDPOINTS.values())
STATUSES = (200, 201, 204, 301, 400, 401, 403, 404, 409, 422, 429, 500, 503)


def rest_reply(data: bytes) -> None:
    """Any endpoint gets any body: the first byte says which, the second with which status."""
    which, status = (*data[:2], 0, 0)[:2]
    headers = (("retry-after", data[2:12].decode("latin-1")),)
    reply = HttpReply(STATUSES[status % len(STATUSES)], headers, data[2:])
    ALL[which % len(ALL)].decode_reply(reply)


def rest_request(data: bytes) -> None:
    """Any endpoint of the service gets any path and body; the lines are method, path and body."""
    method, path, body = (*data.split(b"\n", 2), b"", b"")[:3]
    request = HttpRequest(method.decode("latin-1"), path.decode("latin-1"), (), (), body)
    for endpoint in ALL:
        with suppress(RemoteProtocolError):
            endpoint.decode_request(request)


def signaling_text(data: bytes) -> None:
    """A text on the WebSocket: what can be read says the same when it is written again."""
    with suppress(RemoteProtocolError):
        message = signaling.decode(_text(data))
        assert signaling.decode(signaling.encode(message)) == message


def stream_text(data: bytes) -> None:
    """A text on a data channel, likewise."""
    with suppress(RemoteProtocolError):
        message = stream.decode(_text(data))
        assert stream.decode(stream.encode(message)) == message


def description(data: bytes) -> None:
    """A session description: what was read is one."""
    text = _text(data)
    with suppress(RemoteProtocolError):
        check_sdp(text)
    with suppress(RemoteProtocolError):
        found = read_description(text)
        again = read_description(found.text)
        assert again.text == found.text
        for section in found.sections:
            assert section.codecs is not None
            assert section.refusal
        assert found.bundle is not None


def candidate(data: bytes) -> None:
    """A candidate."""
    with suppress(RemoteProtocolError):
        check_candidate(IceCandidate(_text(data), "0", 0))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


TARGETS = {
    "rest-reply": rest_reply,
    "rest-request": rest_request,
    "signaling": signaling_text,
    "stream": stream_text,
    "description": description,
    "candidate": candidate,
}
