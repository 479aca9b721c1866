"""Getting ahead what a connect needs, before anybody asks for it."""

from odyssey_anyio.api import arguments
from odyssey_anyio.api.rest import RestCalls
from odyssey_proto.seam.commands import Prepare

PREPARE_TIMEOUT = 10.0
"""How long preparing may take unless the application says otherwise, in seconds."""


class PreparationCalls(RestCalls):
    """Preparing a connect."""

    async def prepare(self, *, timeout: float = PREPARE_TIMEOUT) -> None:
        """
        Gets ahead whatever a later `connect` can be spared, and reserves nothing.

        That is the access token, the map of the regions, connections to the nearest one, and the libraries
        for media, which take half a second to load.
        Token and map serve every `connect` of this client as long as they hold, and are had anew when they
        do not; unused connections are closed after 15 seconds.
        If no `connect` follows, nothing is lost.

        `timeout` is in seconds.
        Raises `OdysseyAuthError` for a bad key, `OdysseyTimeoutError` when the time is over, and
        `OdysseyConnectionError`; `connect` may be tried nevertheless, and gets by itself what is missing.

        ```python
        client = Odyssey()
        await client.prepare()  # while the page is shown
        ...
        await client.connect()  # when the button is pressed
        ```
        """
        await self._do(Prepare(arguments.period(timeout, "timeout")))
