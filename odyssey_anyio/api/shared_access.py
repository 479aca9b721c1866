"""What clients of one API key tell each other of the service, so that each need not ask."""

import threading
from collections.abc import Callable
from typing import NoReturn

from attrs import evolve

from odyssey_anyio.errors.mapping import Calling, refused
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.access import ServiceAccess
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.settings import Settings
from odyssey_proto.trace.values import Step


class SharedAccess:
    """
    The access token and the region map of one API key, for all clients that are given it.

    They outlive a client: the next one begins with them, and its first `connect` is spared the request for
    a token and the measurement of the regions.
    It holds one token and one map, the newest that any of the clients has got, and asks for nothing itself;
    a token that the service refuses is dropped, and a map is used for ten minutes.
    It may be used by clients in any loop and thread; a client of another key or address, or what is no
    `SharedAccess`, raises `OdysseyValueError`.
    The token is never printed, and it cannot be pickled.

    Example:
        ```python
        access = SharedAccess()

        async def serve() -> None:
            async with Odyssey(shared=access) as client:
                await client.connect()
        ```
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._account: tuple[str, Secret] | None = None
        self._known = ServiceAccess()

    def __repr__(self) -> str:
        known = self._known
        token, regions = (each is not None for each in (known.token, known.regions))
        return f"<SharedAccess{' token' if token else ''}{' regions' if regions else ''}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("it holds a token and cannot be pickled: another process makes its own")

    def _join(self, account: tuple[str, Secret]) -> None:
        with self._lock:
            self._account = self._account or account
            if self._account != account:
                text = "shared belongs to clients of another API key or address: each needs a SharedAccess"
                raise refused(text, Calling.REST)

    def _learn(self, before: ServiceAccess, now: ServiceAccess) -> None:
        """Takes what a client knows `now`, and knew `before`."""
        with self._lock:
            known = self._known
            if now.token is not None and now.token_ends > known.token_ends:
                known = evolve(known, token=now.token, token_ends=now.token_ends)
            elif now.token is None and known.token == before.token:
                known = evolve(known, token=None, token_ends=0)
            if now.regions is not None and (
                known.regions is None or now.regions.measured > known.regions.measured
            ):
                known = evolve(known, regions=now.regions)
            self._known = known


class Sharing:
    """One client's part in it: what it begins with, and what it passes on."""

    def __init__(self, shared: SharedAccess, settings: Settings) -> None:
        if not isinstance(shared, SharedAccess):
            text = f"shared must be SharedAccess or None, not {type(shared).__name__}"
            raise refused(text, Calling.REST)
        shared._join((settings.api_url, settings.api_key))
        self._shared = shared
        self._last = ServiceAccess()
        self._access: Callable[[], ServiceAccess] = ServiceAccess

    def begin(self, settings: Settings) -> Settings:
        """Returns the settings of a client that begins with what the others know."""
        self._last = self._shared._known
        return evolve(settings, known=self._last)

    def look_on(self, access: Callable[[], ServiceAccess]) -> None:
        """Passes on to the others what a client learns from now on; `access` returns what it knows."""
        self._access = access

    def asked(self, command: CommandId) -> None:
        """A call begins, which teaches nothing yet."""

    def stepped(self, step: Step) -> None:
        """The core has made a step, by which it may have learned something."""
        access = self._access()
        if access != self._last:
            self._shared._learn(self._last, access)
            self._last = access
