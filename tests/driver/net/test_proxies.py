"""Proxies and private authorities: real TLS, a real proxy, whole sessions through both."""

import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from anyio.abc import ByteStream
from house.proxy import ConnectProxy, Front, listening
from house.tcp_server import scripted

from odyssey import Odyssey, OdysseyConnectionError, OdysseyValueError, connect_to_stream
from odyssey_anyio.local.service import serve
from odyssey_proto.service.io.config import ServiceConfig

pytestmark = pytest.mark.anyio

type Certified = Callable[..., ssl.SSLContext]


@pytest.fixture(autouse=True)
def no_proxy_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def secure_service(context: ssl.SSLContext) -> AsyncIterator[str]:
    """Runs a local service behind TLS; returns its address."""
    async with (
        listening(Front, context) as front,
        serve(ServiceConfig(signaling_url=f"wss://localhost:{front.port}")) as service,
    ):
        front.server = service.port
        yield f"https://localhost:{front.port}"


async def session(client: Odyssey) -> None:
    await client.connect()
    async with client.stream("A cat") as stream:
        await anext(stream.frames())


@pytest.mark.parametrize("proxied", [False, True])
async def test_a_session_at_an_authority_of_ones_own(
    trusting: ssl.SSLContext, certified: Certified, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(ConnectProxy) as proxy, secure_service(certified("localhost")) as url:
        proxy.credentials = "me:p@ss"
        if proxied:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
        async with Odyssey("ody_key", api_url=url, ssl_context=trusting) as client:
            await session(client)
        # One way at least for HTTP and one for the WebSocket.
        assert len(proxy.asked) >= 2 if proxied else proxy.asked == []
        assert set(proxy.asked) <= {url.removeprefix("https://")}


async def test_the_authorities_of_ssl_cert_file_are_trusted(
    authority: trustme.CA, certified: Certified, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with secure_service(certified("localhost")) as url, Odyssey("ody_key", api_url=url) as client:
        assert (await client.list_stream_recordings()).recordings == []


async def test_hosts_that_are_excepted_are_reached_directly(
    trusting: ssl.SSLContext, certified: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost")
    async with (
        secure_service(certified("localhost")) as url,
        Odyssey("ody_key", api_url=url, ssl_context=trusting) as client,
    ):
        assert (await client.list_stream_recordings()).recordings == []


async def test_a_proxy_may_speak_tls_itself(
    trusting: ssl.SSLContext, certified: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certified("localhost")
    async with listening(ConnectProxy, context) as proxy, secure_service(context) as url:
        monkeypatch.setenv("ALL_PROXY", f"https://localhost:{proxy.port}")
        async with Odyssey("ody_key", api_url=url, ssl_context=trusting) as client:
            assert (await client.list_stream_recordings()).recordings == []
        assert proxy.asked == [url.removeprefix("https://")]


@pytest.mark.parametrize(
    ("variable", "code", "retryable", "words"),
    [
        (
            "http://me:hush@127.0.0.1:{port}",
            "network.proxy",
            False,
            "the proxy 127.0.0.1:{port} answered 407",
        ),
        ("http://you@127.0.0.1:{port}", "network.unreachable", True, "the host cannot be reached"),
        ("http://127.0.0.1:9", "network.unreachable", True, ": the proxy 127.0.0.1:9 is not there"),
        ("http://nobody.invalid:9", "network.unreachable", True, ": the proxy nobody.invalid:9 is not there"),
        (
            "socks5://me:hush@127.0.0.1:9",
            "network.proxy",
            False,
            "is not the http or https address of a proxy",
        ),
    ],
)
async def test_a_proxy_that_leads_nowhere(
    variable: str, code: str, retryable: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening(ConnectProxy) as proxy:
        proxy.credentials = "you:"
        monkeypatch.setenv("HTTPS_PROXY", variable.format(port=proxy.port))
        async with Odyssey("ody_key", api_url="https://127.0.0.1:9") as client:
            with pytest.raises(OdysseyConnectionError) as caught:
                await client.list_stream_recordings()
    error = caught.value
    assert (error.code, error.retryable) == (code, retryable)
    assert words.format(port=proxy.port) in str(error)
    assert "hush" not in f"{error!r}{error}"


@pytest.mark.parametrize(
    ("scheme", "says", "code", "words"),
    [
        ("http", None, "network.unreachable", "the proxy 127.0.0.1:{port} closed the connection"),
        ("http", b"SSH-2.0-x\r\n\r\n", "network.proxy", "what answers at 127.0.0.1:{port} is no HTTP proxy"),
        ("https", b"HTTP/1.1 400 No\r\n\r\n", "network.unreachable", "to the proxy 127.0.0.1:{port} broke"),
    ],
)
async def test_a_proxy_that_is_none_is_named_and_not_the_host_behind_it(
    scheme: str, says: bytes | None, code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(stream: ByteStream, _: int) -> None:
        await stream.receive()
        if says is not None:
            await stream.send(says)

    async with scripted(answer) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{port}")
        async with Odyssey("ody_key", api_url="https://host.example") as client:
            with pytest.raises(OdysseyConnectionError) as caught:
                await client.list_stream_recordings()
    assert caught.value.code == code
    assert words.format(port=port) in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("name", "Hostname mismatch, certificate is not valid for 'localhost'"),
        ("authority", "unable to get local issuer certificate"),
        ("time", "certificate has expired"),
    ],
)
async def test_a_bad_certificate_says_whose_and_why(
    trusting: ssl.SSLContext, certified: Certified, wrong: str, why: str
) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    contexts = {
        "name": lambda: certified("other.example"),
        "authority": lambda: certified("localhost", by=trustme.CA()),
        "time": lambda: certified("localhost", not_before=past, not_after=past + datetime.timedelta(1)),
    }
    async with (
        secure_service(contexts[wrong]()) as url,
        Odyssey("ody_key", api_url=url, ssl_context=trusting) as client,
    ):
        for call in (client.connect, client.list_stream_recordings):
            with pytest.raises(OdysseyConnectionError) as caught:
                await call()
            assert (caught.value.code, caught.value.retryable) == ("network.certificate", False)
            assert "localhost: " in str(caught.value)
            assert why in str(caught.value)


@pytest.mark.parametrize("context", [True, "ca.pem", ssl])
async def test_what_is_no_context_is_refused(context: object) -> None:
    with pytest.raises(OdysseyValueError, match="ssl_context must be SSLContext or None"):
        Odyssey("ody_key", ssl_context=context)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(OdysseyValueError, match="ssl_context must be SSLContext or None"):
        await connect_to_stream("https://a.example", "t", ssl_context=context)  # type: ignore[arg-type]  # the same
