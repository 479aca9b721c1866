"""The way to the host of the API: real names, ports, certificates and proxies, each broken in its way."""

import datetime
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trustme
from house.proxy import ConnectProxy, Front, listening

from odyssey import Timeouts, diagnose
from odyssey.diagnosis import network
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio

type Certified = Callable[..., ssl.SSLContext]

KEY = "ody_canary"


@asynccontextmanager
async def secure_service(context: ssl.SSLContext) -> AsyncIterator[str]:
    """Runs a local service behind TLS, which nobody gets past without a key; returns its address."""
    async with listening(Front, context) as front, serve(ServiceConfig(keys=())) as service:
        front.server = service.port
        yield f"https://localhost:{front.port}"


async def test_a_name_that_does_not_resolve() -> None:
    found = await diagnose(KEY, api_url="https://nobody.invalid")
    assert found.verdict == "DNS: the host name is unknown."
    assert "Check the spelling" in found["DNS"].advice
    assert found["TCP"].state == "not tried"
    assert found.trace is None


async def test_a_port_that_is_closed() -> None:
    found = await diagnose(KEY, api_url="https://127.0.0.1:9")
    assert found.verdict == "TCP: nobody listens at this port."
    assert found["DNS"].state == "ok"


async def test_a_port_that_never_answers() -> None:
    """A full backlog drops what would open a connection, as a firewall does."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filling in (first, second):
            filling.setblocking(False)
            filling.connect_ex(full.getsockname())
        url = f"https://127.0.0.1:{full.getsockname()[1]}"
        found = await diagnose(KEY, api_url=url, timeouts=Timeouts(authenticate=0.3))
    assert found.verdict == "TCP: nothing answers: packets are dropped on the way."
    assert "firewall" in found["TCP"].advice
    assert found["TCP"].seconds is not None


async def test_a_host_that_is_lost_on_the_way_to_tls_has_no_proxy_to_blame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def dial(*_: object) -> None:
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(network.Dialer, "dial", dial)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = await diagnose(KEY, api_url=f"https://127.0.0.1:{listener.getsockname()[1]}")
    assert found.cause is found["TLS"], str(found)
    assert found["proxy"].state == "not tried"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("name", "Hostname mismatch"),
        ("authority", "unable to get local issuer certificate"),
        ("time", "certificate has expired"),
    ],
)
async def test_a_certificate_that_does_not_hold(
    trusting: ssl.SSLContext, certified: Certified, wrong: str, why: str
) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    contexts = {
        "name": lambda: certified("other.example"),
        "authority": lambda: certified("localhost", by=trustme.CA()),
        "time": lambda: certified("localhost", not_before=past, not_after=past + datetime.timedelta(1)),
    }
    async with listening(Front, contexts[wrong]()) as front:
        found = await diagnose(KEY, api_url=f"https://localhost:{front.port}", ssl_context=trusting)
    assert found.cause is found["TLS"]
    assert found["TLS"].verdict.startswith("the certificate is not trusted: localhost: ")
    assert why in found["TLS"].verdict
    assert "SSL_CERT_FILE" in found["TLS"].advice
    assert [found[name].state for name in ("DNS", "TCP", "HTTP")] == ["ok", "ok", "not tried"]


async def test_a_port_that_does_not_speak_tls(trusting: ssl.SSLContext) -> None:
    async with serve() as service:
        url = f"https://localhost:{service.port}"
        found = await diagnose(KEY, api_url=url, ssl_context=trusting, timeouts=Timeouts(authenticate=2.0))
    assert found.cause is found["TLS"]


async def test_a_certificate_that_holds_by_way_of_a_proxy(
    trusting: ssl.SSLContext, certified: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(ConnectProxy) as proxy, secure_service(certified("localhost")) as url:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        found = await diagnose(KEY, api_url=url, ssl_context=trusting)
    assert found.verdict == "API key: the service does not know this API key."
    assert [found[name].state for name in ("proxy", "TLS", "HTTP")] == ["ok"] * 3
    assert found["TLS"].facts["version"].startswith("TLS")
    assert found["TLS"].facts["certificate ends"]


@pytest.mark.parametrize(
    ("variable", "verdict"),
    [
        ("http://127.0.0.1:9", "the proxy 127.0.0.1:9 is not there: nobody listens at this port"),
        ("http://nobody.invalid:9", "the proxy nobody.invalid:9 is not there: the host name is unknown"),
        ("http://me:hush@127.0.0.1:{port}", "the proxy 127.0.0.1:{port} answered 407"),
        ("http://you@127.0.0.1:{port}", "there is no way to the host"),
        ("socks5://me:hush@127.0.0.1:9", "not the http or https address of a proxy"),
    ],
)
async def test_a_proxy_that_leads_nowhere(
    variable: str, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(ConnectProxy) as proxy:
        proxy.credentials = "you:"
        monkeypatch.setenv("HTTPS_PROXY", variable.format(port=proxy.port))
        found = await diagnose(KEY, api_url="https://127.0.0.1:9")
    assert found.cause is found["proxy"]
    assert verdict.format(port=proxy.port) in found["proxy"].verdict
    assert found["proxy"].advice
    assert "hush" not in f"{found}{found!r}{found.to_dict()}"
