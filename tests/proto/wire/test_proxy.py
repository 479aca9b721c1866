"""Proxies: which address needs one, and the tunnel in bytes."""

import pytest

from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.url import parse
from odyssey_proto.wire.http1 import MAX_HEAD_BYTES
from odyssey_proto.wire.proxy import Proxy, ProxyError, Tunnel, proxy_for

PROXY = Proxy(False, "proxy.example", 3128)


@pytest.mark.parametrize("scheme", ["https", "wss"])
@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_what_is_encrypted_goes_through_a_proxy(scheme: str, name: str) -> None:
    assert proxy_for(parse(f"{scheme}://host.example/"), {name: "http://proxy.example:3128"}) == PROXY


@pytest.mark.parametrize("url", ["http://host.example/", "ws://host.example/"])
def test_what_is_not_goes_directly(url: str) -> None:
    assert proxy_for(parse(url), {"HTTPS_PROXY": "proxy.example", "ALL_PROXY": "proxy.example"}) is None


def test_lower_case_and_the_narrower_go_first() -> None:
    environment = {"ALL_PROXY": "all.example", "HTTPS_PROXY": "upper.example", "https_proxy": "lower.example"}
    found = []
    while environment:
        proxy = proxy_for(parse("https://host.example"), environment)
        assert proxy is not None
        found.append(proxy.host)
        environment.popitem()
    assert found == ["lower.example", "upper.example", "all.example"]
    assert proxy_for(parse("https://host.example"), {"HTTPS_PROXY": " "}) is None


@pytest.mark.parametrize(
    ("names", "direct"),
    [
        ("*", True),
        ("host.example", True),
        ("HOST.example", True),
        ("other, host.example", True),
        ("other host.example", True),
        ("example", True),
        (".example", True),
        ("*.example", True),
        ("host.example:443", True),
        ("host.example:8443", False),
        ("ost.example", False),
        ("a.host.example", False),
        ("", False),
        (",", False),
        (".", False),
    ],
)
def test_hosts_that_are_excepted(names: str, direct: bool) -> None:
    environment = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": names}
    assert (proxy_for(parse("https://host.example/"), environment) is None) is direct


@pytest.mark.parametrize(("names", "direct"), [("::1", True), ("[::1]:443", True), ("[::1]:1", False)])
def test_an_address_that_is_excepted(names: str, direct: bool) -> None:
    environment = {"HTTPS_PROXY": "http://proxy.example:3128", "no_proxy": names}
    assert (proxy_for(parse("https://[::1]/"), environment) is None) is direct


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("proxy.example", Proxy(False, "proxy.example", 1080)),
        ("https://proxy.example:1", Proxy(True, "proxy.example", 1)),
        ("http://[::1]:3128", Proxy(False, "::1", 3128)),
        ("http://me:p%40ss@proxy.example:1", Proxy(False, "proxy.example", 1, Secret("Basic bWU6cEBzcw=="))),
        ("http://me@proxy.example:1", Proxy(False, "proxy.example", 1, Secret("Basic bWU6"))),
    ],
)
def test_addresses_of_proxies(url: str, proxy: Proxy) -> None:
    found = proxy_for(parse("https://host.example"), {"HTTPS_PROXY": url})
    assert found == proxy
    assert "Basic" not in repr(found)


@pytest.mark.parametrize(
    "url", ["socks5://me:hush@proxy.example:1", "http://", "http://a:x", "ftp://proxy.example"]
)
def test_what_is_no_proxy_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ProxyError, match="is not the http or https address of a proxy") as caught:
        proxy_for(parse("https://host.example"), {"HTTPS_PROXY": url})
    assert "hush" not in f"{caught.value!r}{caught.value}"


def test_a_tunnel_is_asked_for_and_opens() -> None:
    tunnel = Tunnel(Proxy(False, "proxy.example", 1, Secret("Basic eA==")), parse("https://[::1]:8443/path"))
    assert tunnel.request().startswith(b"CONNECT [::1]:8443 HTTP/1.1\r\n")
    tunnel = Tunnel(Proxy(False, "proxy.example", 1, Secret("Basic eA==")), parse("https://host.example/"))
    asked = tunnel.request()
    assert asked.startswith(b"CONNECT host.example:443 HTTP/1.1\r\nhost: host.example:443\r\n")
    assert b"proxy-authorization: Basic eA==\r\n" in asked
    answer = b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"
    assert [tunnel.receive(answer[at : at + 1]) for at in range(len(answer))] == [False] * (
        len(answer) - 1
    ) + [True]


@pytest.mark.parametrize("status", [302, 403, 407, 502])
def test_a_proxy_that_refuses_is_named(status: int) -> None:
    tunnel = Tunnel(Proxy(False, "::1", 3128), parse("https://host.example/"))
    assert b"proxy-authorization" not in tunnel.request()
    with pytest.raises(ProxyError, match=rf"^the proxy \[::1\]:3128 answered {status}$") as caught:
        tunnel.receive(f"HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno".encode())
    assert caught.value.passing == (status == 502)


@pytest.mark.parametrize(
    ("data", "why", "passing"),
    [
        (b"SSH-2.0-x\r\n\r\n", "what answers at proxy.example:3128 is no HTTP proxy", False),
        (b"x" * (MAX_HEAD_BYTES + 1), "what answers at proxy.example:3128 is no HTTP proxy", False),
        (b"HTTP/1.1 200 OK\r\n\r\nmore", "the proxy proxy.example:3128 says more than was asked", False),
        (b"", "the proxy proxy.example:3128 closed the connection", True),
    ],
)
def test_a_proxy_that_makes_no_sense_is_named(data: bytes, why: str, passing: bool) -> None:
    tunnel = Tunnel(PROXY, parse("https://host.example/"))
    tunnel.request()
    with pytest.raises(ProxyError) as caught:
        tunnel.receive(data)
    assert (str(caught.value), caught.value.passing) == (why, passing)
