"""Where a reply sends its request."""

import pytest

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.http import HttpReply, HttpRequest, redirected

TOKEN = ("authorization", Secret("Bearer token"))
OTHER = ("accept", "*/*")


def request(method: str = "GET") -> HttpRequest:
    return HttpRequest(
        method, "https://here.example/a/b", (("key", Secret("s")),), (TOKEN, OTHER), b"body", accepts=7
    )


def moved(status: int, location: str | None) -> HttpReply:
    return HttpReply(status, () if location is None else (("location", location),))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_safe_request_follows_every_redirect(status: int, method: str) -> None:
    found = redirected(request(method), moved(status, "../c?x=1"))
    headers = (TOKEN, OTHER)
    assert found == HttpRequest(method, "https://here.example/c?x=1", (), headers, b"body", accepts=7)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_another_follows_only_what_keeps_its_method_and_body(status: int, method: str) -> None:
    found = redirected(request(method), moved(status, "/c"))
    assert (found is not None) == (status in (307, 308))
    if found is not None:
        assert (found.method, found.url, found.body) == (method, "https://here.example/c", b"body")


@pytest.mark.parametrize(
    "location",
    [
        "https://there.example/",
        "//there.example/",
        "http://here.example/",
        "https://here.example:8443/",
        "https://api.here.example/",
    ],
)
def test_the_token_does_not_leave_its_origin(location: str) -> None:
    found = redirected(request(), moved(307, location))
    assert found is not None
    assert (found.headers, found.query) == ((OTHER,), ())


@pytest.mark.parametrize("location", ["https://HERE.example:443/c", "c", "/c", "?c", ""])
def test_the_token_stays_with_its_origin(location: str) -> None:
    found = redirected(request(), moved(307, location))
    assert found is not None
    assert (found.headers, found.query) == ((TOKEN, OTHER), ())


@pytest.mark.parametrize(
    "location", ["https://there.example/", "http://here.example/", "//here.example:8443/"]
)
@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_what_is_more_than_a_question_stays_on_its_origin(method: str, status: int, location: str) -> None:
    with pytest.raises(RemoteProtocolError, match="another origin"):
        redirected(request(method), moved(status, location))


LOCAL = [
    "localhost",
    "LocalHost.",
    "a.localhost",
    "127.0.0.1",
    "127.9.9.9",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "169.254.169.254",
]


@pytest.mark.parametrize("host", LOCAL)
def test_nobody_else_sends_a_question_to_this_machine(host: str) -> None:
    with pytest.raises(RemoteProtocolError, match="this machine"):
        redirected(request(), moved(302, f"http://{host}:8080/admin"))
    here = HttpRequest("GET", "http://localhost:1/")
    found = redirected(here, moved(302, f"http://{host}:8080/admin"))
    assert found is not None


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "8.8.8.8", "[2001:db8::1]", "localhost.example", "fe80.example", "1.example"]
)
def test_other_hosts_are_no_local_ones(host: str) -> None:
    assert redirected(request(), moved(302, f"http://{host}/")) is not None


@pytest.mark.parametrize(("status", "location"), [(307, None), (200, "/c"), (300, "/c"), (304, "/c")])
def test_what_is_no_redirect(status: int, location: str | None) -> None:
    assert redirected(request(), moved(status, location)) is None


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "wss://here.example/", "https://a@b/", "https://[", "/a b"],
)
def test_a_redirect_to_no_usable_address(location: str) -> None:
    with pytest.raises(RemoteProtocolError, match="no usable address"):
        redirected(request(), moved(307, location))
