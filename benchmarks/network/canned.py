"""A service for REST calls that costs as little as one in Python can: always the same two replies."""

import asyncio
import json


def _reply(body: object) -> bytes:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
    return head.encode() + text


TOKEN = _reply({"access_token": "t" * 200, "token_type": "bearer", "expires_in": 3600})
RECORDINGS = _reply(
    {
        "recordings": [
            {
                "stream_id": f"stream-{number}",
                "width": 1280,
                "height": 704,
                "started_at": "2026-01-01T00:00:00Z",
                "ended_at": "2026-01-01T00:01:00Z",
                "duration_seconds": 60.0,
            }
            for number in range(3)
        ],
        "total": 3,
        "limit": 50,
        "offset": 0,
    }
)


class CannedReplies(asyncio.Protocol):
    """Answers each request; none of them may be sent before the reply to the one before."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "it is one of a stream"
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:") and len(body) < int(line[15:]):
                return
        self._received = b""
        self._transport.write(RECORDINGS if head.startswith(b"GET") else TOKEN)
