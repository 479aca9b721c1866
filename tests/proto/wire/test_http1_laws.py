"""HTTP/1.1 in bytes: whatever comes, it is a message or an error."""

from core.http1_bytes import UPGRADE, asked, replies
from house.fuzz import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.seam.http import HttpReply, HttpRequest
from odyssey_proto.wire.http1 import ServerConnection

noise = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [
                *replies.values(),
                UPGRADE,
                b"\r\n",
                b"HTTP/1.1 200 OK\r\n",
                b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
                b"Content-Length: 3\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"",
            ]
        ),
    ),
    max_size=8,
)


@given(noise)
@settings(max_examples=examples(300))
def test_whatever_comes_a_client_has_a_reply_or_an_error(pieces: list[bytes]) -> None:
    client = asked()
    for piece in pieces:
        try:
            if client.whole(piece) is not None:
                return
        except RemoteProtocolError:
            assert not client.reusable
            return


@given(noise)
@settings(max_examples=examples(300))
def test_whatever_comes_a_server_has_requests_or_an_error(pieces: list[bytes]) -> None:
    server = ServerConnection(lambda head: 10)
    for piece in pieces:
        try:
            found = server.receive(piece)
            while isinstance(found, HttpRequest) and not server.must_close:
                server.send(HttpReply(200))
                found = None if server.must_close else server.next_request()
        except RemoteProtocolError:
            server.send(HttpReply(400))
            return
        if server.must_close:
            return
