"""Lends the HTTP transport of a client to work outside of the core, such as downloads, and takes it back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_anyio.net.transports import Exchanges
from odyssey_proto.kernel.failures import Failure

RETURN_TIMEOUT = 1.0
"""How long a borrower may take to let go, in seconds; all it has to do is to close a file."""


class HttpLeases:
    """
    The leases of one transport.

    Whoever borrows keeps it for the length of a block; when the client closes, the block ends with
    `failure`.
    """

    def __init__(self, failure: Failure) -> None:
        self._failure = failure
        self._exchanges: Exchanges | None = None
        self._scopes: set[anyio.CancelScope] = set()
        self._begun = anyio.Event()
        self._back = anyio.Event()

    def __repr__(self) -> str:
        return f"<HttpLeases {len(self)}>"

    def __len__(self) -> int:
        return len(self._scopes)

    async def quiet(self) -> None:
        """Waits until nobody borrows."""
        while self._scopes:
            if self._back.is_set():
                self._back = anyio.Event()
            await self._back.wait()

    def begin(self, exchanges: Exchanges) -> None:
        """There is a transport to lend from now on."""
        self._exchanges = exchanges
        self._begun.set()

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Exchanges]:
        """Lends the transport for the length of a block."""
        await self._begun.wait()
        with anyio.CancelScope() as scope:
            if self._exchanges is not None:
                self._scopes.add(scope)
                try:
                    yield self._exchanges
                    return
                finally:
                    self._scopes.remove(scope)
                    self._back.set()
        raise error_of(self._failure, Calling.REST) from None

    def stop(self) -> None:
        """Lends nothing more, and takes everything back."""
        self._exchanges = None
        self._begun.set()
        for scope in self._scopes:
            scope.cancel()

    async def end(self) -> None:
        """Stops, and waits until the borrowers have let go, `RETURN_TIMEOUT` seconds at most."""
        self.stop()
        with anyio.move_on_after(RETURN_TIMEOUT, shield=True):
            await self.quiet()
