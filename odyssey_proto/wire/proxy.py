"""
Ways through an HTTP proxy: which one an address needs, and the tunnel in bytes (RFC 9110 section 9.3.6).

Which one is said by the environment, in the variables that curl and most others read.
"""

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import h11
from attrs import frozen

from odyssey_proto.kernel.failures import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.url import Address, host_and_port, parse_http
from odyssey_proto.wire.http1 import MAX_HEAD_BYTES, USER_AGENT, bytes_of, check_head

DEFAULT_PORT = 1080
"""The port of a proxy that names none, as curl has it for https and http alike."""


class ProxyError(Exception):
    """There is no way through a proxy; `passing` tells whether there may be one later."""

    def __init__(self, text: str, *, passing: bool = False) -> None:
        super().__init__(text)
        self.passing = passing


@frozen
class Proxy:
    """An HTTP proxy."""

    tls: bool
    host: str
    port: int
    authorization: Secret | None = None
    """The value of Proxy-Authorization (RFC 9110 section 11.7.2)."""

    @property
    def address(self) -> str:
        """Host and port, which is what may be said of it."""
        return host_and_port(self.host, self.port)


def proxy_for(address: Address, environment: Mapping[str, str]) -> Proxy | None:
    """
    Returns the proxy that leads to an address, or `None` if the way is direct.

    Only https and wss go through proxies, by HTTPS_PROXY, or else ALL_PROXY; NO_PROXY names the hosts that do
    not. In lower case each of them goes before that in upper case.
    Raises `ProxyError` for a proxy that is none.
    """
    if not address.tls:
        return None
    url = _variable(environment, "https_proxy") or _variable(environment, "all_proxy")
    if not url or _excepted(address, _variable(environment, "no_proxy")):
        return None
    return _proxy(url)


def _variable(environment: Mapping[str, str], name: str) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _excepted(address: Address, names: str) -> bool:
    """Tells whether a list of hosts, by name, by domain or with a port, has an address; `*` has all."""
    host = address.host.lower().rstrip(".")
    for entry in names.replace(",", " ").lower().split():
        name, _, port = entry.rpartition(":") if _has_port(entry) else (entry, "", "")
        name = name.strip("[]").removeprefix("*").strip(".")
        if port not in ("", str(address.port)):
            continue
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


def _has_port(entry: str) -> bool:
    return entry.count(":") == 1 or "]:" in entry


def _proxy(url: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        host = parts.hostname or ""
        port = parts.port or DEFAULT_PORT
        parse_http(f"{parts.scheme}://{host_and_port(host, port)}")
        token = b64encode(f"{user}:{password}".encode()).decode()
    except (ValueError, LocalProtocolError):
        # What it says may hold a password.
        raise ProxyError("HTTPS_PROXY or ALL_PROXY is not the http or https address of a proxy") from None
    authorization = Secret(f"Basic {token}") if user or password else None
    return Proxy(parts.scheme == "https", host, port, authorization)


class Tunnel:
    """A connection to a proxy, until it is one to an address; then nothing of HTTP is left on it."""

    def __init__(self, proxy: Proxy, address: Address) -> None:
        self._proxy = proxy
        self._address = address
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)

    def request(self) -> bytes:
        """Returns the bytes that ask for the tunnel."""
        target = host_and_port(self._address.host, self._address.port).encode()
        headers = [(b"host", target), (b"user-agent", USER_AGENT)]
        if self._proxy.authorization is not None:
            headers.append((b"proxy-authorization", self._proxy.authorization.reveal().encode()))
        data = bytes_of(self._h11, h11.Request(method=b"CONNECT", target=target, headers=headers))
        return data + bytes_of(self._h11, h11.EndOfMessage())

    def receive(self, data: bytes) -> bool:
        """
        Takes bytes (none: the proxy closed) and tells whether the tunnel is open.

        Raises `ProxyError` if the proxy refuses, closes, or says what makes no sense.
        """
        name = f"the proxy {self._proxy.address}"
        if not data:
            raise ProxyError(f"{name} closed the connection", passing=True)
        try:
            self._h11.receive_data(data)
            check_head(self._h11)
            event = self._h11.next_event()
            while isinstance(event, h11.InformationalResponse):
                event = self._h11.next_event()
        except (h11.RemoteProtocolError, RemoteProtocolError) as error:
            raise ProxyError(f"what answers at {self._proxy.address} is no HTTP proxy") from error
        if not isinstance(event, h11.Response):
            return False
        status = event.status_code
        if not 200 <= status <= 299:
            raise ProxyError(f"{name} answered {status}", passing=status >= 500)
        if self._h11.trailing_data[0]:
            raise ProxyError(f"{name} says more than was asked")
        return True
