"""Finding out where a connection fails; docs/mirror.py generates it from the async API."""

import ssl
from collections.abc import Callable

from odyssey.diagnosis.checks import Diagnosis
from odyssey.diagnosis.doctor import diagnose as async_diagnose
from odyssey.sync.portal import in_place
from odyssey_anyio.net.transports import MediaEngine
from odyssey_proto.model.config import AdvancedConfig, IcePolicy, Timeouts


def diagnose(
    api_key: str | None = "",
    *,
    api_url: str | None = None,
    stream: bool = True,
    advanced: AdvancedConfig | None = None,
    timeouts: Timeouts | None = None,
    ice: IcePolicy | None = None,
    media: Callable[[], MediaEngine] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    backend: str = "asyncio",
) -> Diagnosis:
    """
    Finds out where a connection fails, and says what to do about it.

    It goes the way of a session once: host name, proxy, TCP, TLS, clock, key, regions, queue, token, ICE
    servers, signaling, media, and then a stream of about two seconds with one `interact`.
    All arguments but `stream` are those of `Odyssey`; with `stream=False` it stops once it is connected.
    It opens one session, which counts towards the limits of the account, and always gives it back.
    Where all is well it takes a few seconds; each wait is bounded by `timeouts`, and by five seconds where no
    session is involved.
    What fails is part of the diagnosis and raises nothing, and no secret is in it.
    Settings that `Odyssey` refuses raise `OdysseyValueError`.

    ```python
    diagnosis = odyssey.diagnose()
    print(diagnosis)           # every check, with its time, verdict and advice
    print(diagnosis.verdict)   # the first cause, in one sentence
    ```

    `backend` says what the loop of this client runs on: `asyncio` or `trio`.
    """
    return in_place(
        backend,
        async_diagnose,
        api_key,
        api_url=api_url,
        stream=stream,
        advanced=advanced,
        timeouts=timeouts,
        ice=ice,
        media=media,
        ssl_context=ssl_context,
    )
