"""
Who may talk to a local service, judged by the head of a request before anything of its body is read.

A service on loopback can be reached by every page in the user's browser: by its address, and then the page's
`Origin` is foreign (RFC 6454); or by a name of the page's own that was made to lead here (DNS rebinding), and
then `Host` is.
Neither is in the hands of the page, so both are checked; a program that is no browser sends what it likes
and was never held off by this.
"""

import re
from collections.abc import Iterable

from attrs import field, frozen

from odyssey_proto.kernel.failures import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.secret import revealed
from odyssey_proto.kernel.url import parse_http
from odyssey_proto.seam.http import HttpRequest

ANY = "*"
"""Stands for every origin, or every host."""

_LOCAL = re.compile(r"localhost|.+\.localhost|127(\.\d+){3}|::1")
_LITERAL = re.compile(r"\d+(\.\d+){3}|.*:.*")
"""An address instead of a name: no name leads to it, so nobody's name can be made to."""


def origin_of(url: str) -> str:
    """
    Returns the origin of an http or https address as browsers write it; `*` and `null` stand for themselves.

    Raises `ValueError` for anything else.
    """
    if url in (ANY, "null"):
        return url
    try:
        address = parse_http(url)
    except LocalProtocolError as error:
        raise ValueError(f"an origin looks like https://example.com:8443, and here {error}") from None
    return f"{'https' if address.tls else 'http'}://{address.authority}"


def origins_of(urls: Iterable[str]) -> tuple[str, ...]:
    """Returns the origin of each address, as `origin_of` does."""
    return tuple(map(origin_of, urls))


def _hosts(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.strip("[]").lower() for name in names)


@frozen(kw_only=True)
class AccessPolicy:
    """
    By which hosts a service may be called, and pages of which origins may use it.

    Addresses, `localhost`, and pages that come from this machine are always allowed.
    """

    hosts: tuple[str, ...] = field(default=(), converter=_hosts)
    """Further names of the service, without port; `*`: any."""
    origins: tuple[str, ...] = field(default=(), converter=origins_of)
    """Further origins of pages, such as `https://example.com`; `null` for files; `*`: any."""

    def check(self, head: HttpRequest) -> None:
        """Raises `RemoteProtocolError` with status 403 for a foreign host or the page of a foreign origin."""
        host, origin = revealed(head.header("host")), revealed(head.header("origin"))
        if host is not None and not self._is_ours(host):
            raise RemoteProtocolError(
                "the service is not known by this host name: AccessPolicy(hosts=…), --allow-host", status=403
            )
        if origin is not None and not self._may_use(origin, host):
            raise RemoteProtocolError(
                "pages of this origin may not use the service: AccessPolicy(origins=…), --allow-origin",
                status=403,
            )

    def _is_ours(self, host: str) -> bool:
        name = _name(f"http://{host}")
        if name is None:
            return False
        return (
            ANY in self.hosts
            or name in self.hosts
            or bool(_LOCAL.fullmatch(name) or _LITERAL.fullmatch(name))
        )

    def _may_use(self, origin: str, host: str | None) -> bool:
        if ANY in self.origins or origin in self.origins:
            return True
        name = _name(origin)
        return name is not None and (origin == f"http://{host}" or bool(_LOCAL.fullmatch(name)))


def _name(url: str) -> str | None:
    """Returns the host of an address, without brackets and port; `None` for what is no address."""
    try:
        return parse_http(url).host.lower()
    except LocalProtocolError:
        return None
