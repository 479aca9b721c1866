"""Getting ahead what a connect needs, before anybody asks for it."""

from odyssey_anyio.api import arguments
from odyssey_anyio.api.rest import RestCalls
from odyssey_proto.kernel.machine import Span
from odyssey_proto.seam.commands import Prepare

PREPARE_TIMEOUT = 10.0
"""How long preparing may take unless the application says otherwise, in seconds."""


class PreparationCalls(RestCalls):
    """Preparing a connect."""

    async def prepare(self, *, timeout: float = PREPARE_TIMEOUT, keep: float | None = None) -> None:
        """
        Fetches in advance what a later `connect` needs, and reserves nothing.

        That is the access token, the map of the regions, connections to the nearest one, and the libraries
        for media, which take half a second to load.
        Token and map serve every `connect` of this client as long as they hold, and are fetched again when
        they do not; unused connections are closed after 15 seconds.
        If no `connect` follows, nothing is lost.

        With `keep` all of it is kept fresh for so many seconds more, until a `connect` begins, the client
        leaves, or it prepares again: the token is renewed before it ends, the map is measured again every ten
        minutes, and two connections stay open by a small request each every ten seconds.
        What fails of that is not reported, and is tried again; while a session is there nothing is kept.

        `timeout` is in seconds too; each of the two is above 0 and at most a billion.
        Raises `OdysseyAuthError` for a bad key, `OdysseyTimeoutError` when the time is over, and
        `OdysseyConnectionError`; `connect` may be tried nevertheless, and gets by itself what is missing.

        ```python
        client = Odyssey()
        await client.prepare(keep=600)  # while the page is shown
        ...
        await client.connect()  # when the button is pressed
        ```
        """
        kept = Span(0) if keep is None else arguments.period(keep, "keep")
        await self._do(Prepare(arguments.period(timeout, "timeout"), kept))
