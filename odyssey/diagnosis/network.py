"""The way to the host of the API, measured step by step: DNS, proxy, TCP and TLS."""

import os
import ssl
import time
from collections.abc import Awaitable, Callable

import anyio
from anyio.streams.tls import TLSAttribute
from attrs import evolve

from odyssey.diagnosis.checks import Check, CheckName, CheckState
from odyssey.diagnosis.reading import failed_check
from odyssey_anyio.net.streams import Dialer, abort, transport_error
from odyssey_anyio.net.tcp import connect_tcp, look_up
from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.kernel.url import Address, parse_http
from odyssey_proto.seam.inputs import TransportErrorKind
from odyssey_proto.wire.proxy import Proxy, ProxyError, proxy_for


async def network_checks(api_url: str, tls: ssl.SSLContext | None, within: float) -> list[Check]:
    """
    Returns what came of each step, up to the first that failed.

    Each may take `within` seconds; `tls` checks certificates, in place of the system's store.
    """
    address = parse_http(api_url)
    try:
        proxy = proxy_for(address, os.environ)
    except ProxyError as error:
        return [_failed(CheckName.PROXY, error, api_url, 0.0)]
    reached = await (_direct(address, api_url, within) if proxy is None else _proxied(proxy, within))
    if any(check.state is CheckState.FAILED for check in reached):
        return reached
    if not address.tls:
        text = "nothing is encrypted: the address begins with http"
        return [*reached, Check(CheckName.TLS, CheckState.NOT_TRIED, text)]
    return [*reached, *await _secured(address, api_url, tls, within, proxied=proxy is not None)]


async def _direct(address: Address, api_url: str, within: float) -> list[Check]:
    found, looked_up = await _timed(lambda: look_up(address.host, address.port), within)
    if isinstance(found, BaseException):
        return [_failed(CheckName.DNS, found, api_url, looked_up)]
    facts = {"addresses": len({each[0] for _, each in found})}
    dns = Check(CheckName.DNS, CheckState.OK, f"{address.host} is known", looked_up, facts=facts)
    none = Check(CheckName.PROXY, CheckState.NOT_TRIED, "none is set for this address")
    stream, took = await _timed(lambda: connect_tcp(address.host, address.port), within)
    if isinstance(stream, BaseException):
        return [dns, none, _failed(CheckName.TCP, stream, api_url, took)]
    await abort(stream)
    return [dns, none, Check(CheckName.TCP, CheckState.OK, f"port {address.port} is open", took)]


async def _proxied(proxy: Proxy, within: float) -> list[Check]:
    stream, took = await _timed(lambda: connect_tcp(proxy.host, proxy.port), within)
    if isinstance(stream, BaseException):
        missing = _failed(CheckName.PROXY, stream, f"http://{proxy.address}", took)
        text = f"the proxy {proxy.address} is not there: {missing.verdict}"
        advice = "Check HTTPS_PROXY, or name the host in NO_PROXY."
        return [evolve(missing, verdict=text, advice=advice)]
    await abort(stream)
    return [Check(CheckName.PROXY, CheckState.OK, f"{proxy.address} is there", took)]


async def _secured(
    address: Address, api_url: str, tls: ssl.SSLContext | None, within: float, *, proxied: bool
) -> list[Check]:
    """Opens a connection as a session does, by way of the proxy if there is one."""
    stream, took = await _timed(lambda: Dialer(tls).dial(address), within)
    if isinstance(stream, BaseException):
        # The proxy is there: a host that cannot be reached is one that it does not reach.
        kinds = (TransportErrorKind.PROXY, TransportErrorKind.UNREACHABLE)
        refused = proxied and transport_error(stream).kind in kinds
        return [_failed(CheckName.PROXY if refused else CheckName.TLS, stream, api_url, took)]
    version = stream.extra(TLSAttribute.tls_version, "TLS")
    ends = (stream.extra(TLSAttribute.peer_certificate, None) or {}).get("notAfter", "")
    await abort(stream)
    facts = {"version": version} | ({"certificate ends": ends} if ends else {})
    return [Check(CheckName.TLS, CheckState.OK, "the certificate holds", took, facts=facts)]


async def _timed[T](work: Callable[[], Awaitable[T]], within: float) -> tuple[T | Exception, float]:
    """Returns the result, or what was raised, and how long it took in seconds."""
    begins = time.monotonic()
    result: T | Exception
    try:
        with anyio.fail_after(within):
            result = await work()
    except Exception as error:  # noqa: BLE001  # whatever it is, it is what the check is about
        result = error
    return result, time.monotonic() - begins


def _failed(name: CheckName, error: Exception, url: str, seconds: float) -> Check:
    return failed_check(name, broken(transport_error(error), "could not reach the service", url), seconds)
