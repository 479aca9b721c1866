"""The addresses of a trace, and what they become where it is served."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from odyssey_proto.kernel.failures import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.json_text import compact, parse
from odyssey_proto.messages.public import MEMBERS, MemberKind

_URL = r"\b(wss?|https?)://([^/?#\s\"'<>\\]+)"
_SCHEMES = {"ws": "ws", "wss": "ws", "http": "http", "https": "http"}
_ICE = re.compile(r"(?:stuns?|turns?):\S+")


class Addresses:
    """
    Every host that a recorded client spoke to is this server.

    `api` is the address that the client was made with, `asked` are the methods and addresses of its
    requests, `joined` the addresses of its WebSockets.
    Where two hosts were asked for the same path, such as the pings of several regions, the path of
    the second begins with a segment of its own.
    """

    def __init__(self, api: str, asked: Iterable[tuple[str, str]], joined: Iterable[str]) -> None:
        base = urlsplit(api)
        self._api = base.netloc
        self._base = base.path.rstrip("/")
        self._url = re.compile(rf"{_URL}((?:{re.escape(self._base)})(?![^/?#\s\"'<>\\]))?")
        self._prefixes = {self._api: ""}
        first: dict[tuple[str, str], str] = {}
        for method, url in asked:
            parts = urlsplit(url)
            owner = first.setdefault((method, parts.path), parts.netloc)
            if parts.netloc not in self._prefixes:
                self._prefixes[parts.netloc] = ""
            if owner != parts.netloc and not self._prefixes[parts.netloc]:
                self._prefixes[parts.netloc] = f"/~{len(self._prefixes)}"
        for url in joined:
            self._prefixes.setdefault(urlsplit(url).netloc, "")

    def path(self, url: str) -> str:
        """Returns the path by which this server is asked for what was recorded at an address."""
        parts = urlsplit(url)
        path = parts.path
        if parts.netloc == self._api and self._base and path.startswith(f"{self._base}/"):
            path = path[len(self._base) :]
        return self._prefixes[parts.netloc] + (path or "/")

    def here(self, text: str, host: str, stun: int | None) -> str:
        """
        Returns a text with this server in the place of the recorded ones.

        `host` is the authority by which the client found it, `stun` the port of STUN there.
        """

        def change(name: str, value: str) -> str:
            if stun is not None and _ICE.fullmatch(value):
                return f"stun:{re.sub(r':[0-9]+$', '', host)}:{stun}"
            if MEMBERS.get(name) is MemberKind.ADDRESS and "://" not in value:
                return self._moved(f"ws://{value}", host).removeprefix("ws://")
            return self._moved(value, host)

        try:
            value = parse(text)
            changed = _mapped(value, change)
            return text if changed == value else compact(changed)
        except (RemoteProtocolError, LocalProtocolError, RecursionError):
            return self._moved(text, host)

    def _moved(self, text: str, host: str) -> str:
        def move(found: re.Match[str]) -> str:
            scheme, authority, base = found.groups(default="")
            if authority not in self._prefixes:
                return found[0]
            kept = "" if authority == self._api else base
            return f"{_SCHEMES[scheme]}://{host}{self._prefixes[authority]}{kept}"

        return self._url.sub(move, text)


def _mapped(value: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    match value:
        case str():
            return change(name, value)
        case dict():
            return {key: _mapped(item, change, key) for key, item in value.items()}
        case list():
            return [_mapped(item, change, name) for item in value]
        case _:
            return value
