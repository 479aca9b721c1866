"""`diagnose`: the way from a host name to a picture, gone once, with a verdict for each step."""

import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
from attrs import define, field

from odyssey.diagnosis.checks import Check, CheckName, CheckState, Diagnosis, diagnosis
from odyssey.diagnosis.media_checks import Watched, picture_checks, server_checks, with_path
from odyssey.diagnosis.network import network_checks
from odyssey.diagnosis.reading import failed, ice_servers, lost, read
from odyssey_anyio.api import arguments
from odyssey_anyio.client import Odyssey
from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.media.measuring import MediaReport
from odyssey_anyio.media.server_probes import ServerAnswer, ask_each
from odyssey_anyio.net.transports import MediaEngine
from odyssey_anyio.runtime import default_transports as defaults
from odyssey_proto.model.config import AdvancedConfig, IcePolicy, Timeouts
from odyssey_proto.seam.outputs import MakePeer
from odyssey_proto.seam.settings import ice_config

STEP_SECONDS = 5.0
"""How long each step on the way to the host may take, and each question to a server."""

FRAME_SECONDS = 5.0
"""How long a frame may take: longer than the time after which a stall is reported."""

WATCH_SECONDS = 2.0
"""For how long frames are counted after the first."""

REPORT_SECONDS = 1.0
"""How long the media engine may take to say how media come."""

PROMPT, STEERING = "A cat", "Pet the cat"
"""What the stream shows, and how it is steered."""


async def diagnose(
    api_key: str | None = "",
    *,
    api_url: str | None = None,
    stream: bool = True,
    advanced: AdvancedConfig | None = None,
    timeouts: Timeouts | None = None,
    ice: IcePolicy | None = None,
    media: Callable[[], MediaEngine] | None = None,
    ssl_context: ssl.SSLContext | None = None,
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
    diagnosis = await odyssey.diagnose()
    print(diagnosis)           # every check, with its time, verdict and advice
    print(diagnosis.verdict)   # the first cause, in one sentence
    ```
    """
    engines: list[MediaEngine] = []
    engine = arguments.function(media, defaults.media, "media")

    def make() -> MediaEngine:
        engines.append(engine())
        return engines[-1]

    settings = arguments.settings(
        api_key, api_url, advanced, timeouts=timeouts, ice=ice, limits=None, reconnect=None
    )
    client = Odyssey(
        api_key,
        api_url=api_url,
        advanced=advanced,
        timeouts=timeouts,
        ice=ice,
        media=make,
        ssl_context=ssl_context,
    )
    within = min(STEP_SECONDS, settings.timeouts.authenticate)
    found = {check.name: check for check in await network_checks(settings.api_url, ssl_context, within)}
    if any(check.state is CheckState.FAILED for check in found.values()):
        return diagnosis(found)
    session = _Session(client, settings.ice, engines)
    async with client:
        await session.run(stream)
    trace = client.trace
    if trace is not None:
        found |= read(trace.raw)
    found |= {check.name: check for check in session.checks(found)}
    return diagnosis(found, trace)


@define
class _Session:
    """One session of the client, and what is learned beside its trace."""

    client: Odyssey
    ice: IcePolicy
    engines: list[MediaEngine]
    error: OdysseyError | None = None
    answers: list[ServerAnswer] = field(factory=list)
    watched: Watched | None = None
    report: MediaReport | None = None

    async def run(self, stream: bool) -> None:
        """Connects, and then asks the servers beside a stream; what fails is kept."""
        try:
            await self.client.connect()
        except OdysseyError as error:
            self.error = error
        async with anyio.create_task_group() as group:
            group.start_soon(self._ask_servers, name="odyssey servers asked")
            if self.error is None:
                self.report = await self._report()
            if self.error is None and stream:
                try:
                    await self._watch()
                except OdysseyError as error:
                    self.error = error

    def checks(self, found: dict[CheckName, Check]) -> list[Check]:
        """Returns what there is besides that which the trace says."""
        media = found.get(CheckName.MEDIA)
        checks = [*server_checks(self.answers, media)]
        if media is not None and media.state is CheckState.OK:
            checks.append(with_path(media, self.report))
        if self.error is not None and all(each.state is not CheckState.FAILED for each in found.values()):
            # It ended no command, so the trace has no check for it.
            checks.append(lost(self.error.failure, found))
        if self.watched is not None and self.client.trace is not None:
            checks += picture_checks(self.watched, self.client.trace.raw)
        return checks

    async def _ask_servers(self) -> None:
        trace = self.client.trace
        reached = self.error is None or failed(self.error.failure).name is CheckName.MEDIA
        if trace is None or not reached:
            return
        with suppress(ValueError):
            self.answers = await ask_each(ice_config(self.ice, ice_servers(trace.raw)), STEP_SECONDS)

    async def _watch(self) -> None:
        """Starts a stream, steers it once, and counts its frames; there is one more to come at the end."""
        async with self.client.stream(PROMPT, portrait=False) as live:
            begins = time.monotonic()
            frames = live.frames()
            if not await _next(frames):
                self.watched = Watched()
                return
            first = time.monotonic() - begins
            self.watched = Watched(first)
            await live.interact(STEERING)
            count, since, comes = 0, time.monotonic(), True
            while comes and time.monotonic() - since < WATCH_SECONDS:
                comes = await _next(frames)
                count += comes
            # A stream that ends before it has shown a second frame has no rate.
            seconds = time.monotonic() - since if count else 0.0
            frozen = not (comes and await _next(frames)) and not live.over
            self.watched = Watched(first, count, seconds, frozen, await self._report())

    async def _report(self) -> MediaReport | None:
        """Returns how the media of the present peer come, if the engine is one that says so."""
        trace = self.client.trace
        measure: Any = getattr(self.engines[-1], "measure", None) if self.engines else None
        if measure is None or trace is None:
            return None
        peers = [each.value.peer for each in trace.raw.records() if isinstance(each.value, MakePeer)]
        report: MediaReport | None = await measure(peers[-1], REPORT_SECONDS)
        return report


async def _next(frames: Any) -> bool:
    """Waits for the next frame; returns whether it came in time."""
    with anyio.move_on_after(FRAME_SECONDS):
        return await anext(frames, None) is not None
    return False
