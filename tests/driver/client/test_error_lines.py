"""
What a person reads of an error: one line in the user's terms, the server's own words, a note that helps.

It is a law over every public call; a new call has to stand in `CALLS`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any

import pytest
from attrs import evolve, field, frozen
from inmemory import World, broken

from odyssey import (
    LiveStream,
    Odyssey,
    OdysseyError,
    SimulationJob,
    SpectatorConnection,
    StreamRecording,
    Timeouts,
    connect_to_stream,
)
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.runtime.supervisor import Transports
from odyssey_anyio.tracing.policy import policy_of
from odyssey_proto.kernel.failures import MAX_DETAIL_CHARS
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.text import one_line
from odyssey_proto.seam.http import json_reply
from odyssey_proto.seam.settings import SpectatorSettings
from odyssey_proto.service.io.faults import Close, Cut, FailStream, Moment, NoOffer, Swallow

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]

KEY = "ody_canary_key"
SAID = f"Sorry,\n{KEY} is not\twelcome"
UNDERSTOOD = "Sorry, *** is not welcome"
MUCH = ". Ask again" * 1000
SCRIPT = [{"timestamp_ms": 0, "start": {"prompt": "a"}}, {"timestamp_ms": 900, "end": {}}]
NOWHERE = "/nowhere/file"
SHORT = 0.02
"""How long the call waits that is to time out, in seconds."""

MACHINERY = re.compile(
    r"\b(GET|POST|DELETE)\b|failed with status|\bphase\b|\bFailure\b|_(started|acknowledged|ended)\b"
)
"""What no user has asked for: methods, and the words of the wire and of our own parts."""


class Scene:
    """A client, and the world around it."""

    def __init__(self, timeouts: Timeouts | None = None, **config: Any) -> None:
        self.world = World(**config)
        self.timeouts = evolve(timeouts or Timeouts(), leave=SHORT)
        self.client = Odyssey(KEY, api_url="http://api", timeouts=self.timeouts, **self.world.transports)

    async def watch(self, url: Any = "http://media/live/s", token: Any = KEY) -> object:
        return await connect_to_stream(
            url, token, timeouts=self.timeouts, transports=Transports(**self.world.transports)
        )

    def spectator(self) -> SpectatorConnection:
        settings = SpectatorSettings(
            webrtc_url="http://media/live/s", token=Secret(KEY), timeouts=self.timeouts
        )
        return SpectatorConnection(
            settings, Transports(**self.world.transports), ConnectHandlers(), policy_of(None)
        )

    async def stream(self) -> LiveStream:
        """Returns a stream that runs."""
        stream = self.client.stream("A cat")
        await self.client.connect()
        return await stream.__aenter__()


type Doing = Callable[[Scene], Awaitable[object]]


async def connected(scene: Scene) -> None:
    await scene.client.connect()


async def streaming(scene: Scene) -> None:
    await scene.client.connect()
    await scene.client.start_stream("A cat")


async def nothing(scene: Scene) -> None:
    """Some calls need nothing that comes before them."""


@frozen
class Call:
    """
    A public call: how it is made, after what, and how it is used wrongly, by what the error then says.

    `asks` has the requests with which it stands or falls, and by which timeout; `at` is the moment of a
    session, likewise.
    """

    make: Doing
    asks: Mapping[str, str] = field(factory=dict)
    at: tuple[Moment, str] | None = None
    before: Doing = nothing
    wrongly: Mapping[str, Doing] = field(factory=dict)


RESERVATION = {"/auth/token": "authenticate", "/sessions/request": "queue", "/sessions/token": "prepare"}
JOB = {"/auth/token": "call", "/simulation-jobs/j": "call"}
JOBS = {"/simulation-jobs": "call"}
RECORDING = {"/auth/token": "call", "/recordings/r": "call"}
START = (Moment.START, "start")
UPDATE = (Moment.UPDATE, "interact")
END = (Moment.END, "end")


async def interact_in_block(scene: Scene) -> object:
    return await (await scene.stream()).interact("Pet the cat")


async def end_block(scene: Scene) -> object:
    return await (await scene.stream()).end()


async def without_key(scene: Scene) -> None:
    async with Odyssey("", api_url="http://api", **scene.world.transports) as client:
        await client.connect()


async def save_nowhere(scene: Scene) -> None:
    async with scene.spectator() as spectator:
        await spectator.save_trace(NOWHERE)


CALLS: dict[str, Call] = {
    "Odyssey.connect": Call(
        lambda scene: scene.client.connect(),
        RESERVATION,
        (Moment.OPEN, "negotiate"),
        wrongly={
            "on_error must be a function": lambda scene: scene.client.connect(on_error=7),  # type: ignore[arg-type]  # wrongly
            "an API key is needed": without_key,
        },
    ),
    "Odyssey.prepare": Call(
        lambda scene: scene.client.prepare(),
        {"/auth/token": "authenticate"},
        wrongly={"timeout must be a number": lambda scene: scene.client.prepare(timeout=-1)},
    ),
    "Odyssey.connect_with_credentials": Call(
        lambda scene: scene.client.connect_with_credentials(scene.world.credentials()),
        at=(Moment.OPEN, "negotiate"),
        wrongly={
            "credentials must be": lambda scene: scene.client.connect_with_credentials(None),  # type: ignore[arg-type]  # wrongly
        },
    ),
    "Odyssey.create_client_credentials": Call(
        lambda scene: scene.client.create_client_credentials(), RESERVATION
    ),
    "Odyssey.start_stream": Call(
        lambda scene: scene.client.start_stream("A cat"),
        at=START,
        before=connected,
        wrongly={
            "prompt must be text": lambda scene: scene.client.start_stream(7),  # type: ignore[arg-type]  # wrongly
            "not connected": lambda scene: scene.client.start_stream("A cat"),
        },
    ),
    "Odyssey.interact": Call(
        lambda scene: scene.client.interact("Pet the cat"),
        at=UPDATE,
        before=streaming,
        wrongly={
            "prompt is empty": lambda scene: scene.client.interact(" "),
            "not connected": lambda scene: scene.client.interact("Pet the cat"),
        },
    ),
    "Odyssey.end_stream": Call(
        lambda scene: scene.client.end_stream(),
        at=END,
        before=streaming,
        wrongly={"not connected": lambda scene: scene.client.end_stream()},
    ),
    "Odyssey.clip": Call(
        lambda scene: scene.client.clip("A cat", seconds=1),
        RESERVATION,
        (Moment.OPEN, "negotiate"),
        wrongly={
            "prompt must be text": lambda scene: scene.client.clip(7, 1),  # type: ignore[arg-type]  # wrongly
            "seconds must be a number": lambda scene: scene.client.clip("A cat", -1),
            "longer than Limits.stream": lambda scene: scene.client.clip("A cat", 100_000),
        },
    ),
    "Odyssey.simulate": Call(
        lambda scene: scene.client.simulate(SCRIPT),
        JOBS,
        wrongly={"a script is a list of entries": lambda scene: scene.client.simulate("A cat")},  # type: ignore[arg-type]  # wrongly
    ),
    "Odyssey.get_simulate_status": Call(
        lambda scene: scene.client.get_simulate_status("j"),
        JOB,
        wrongly={"job_id must be text": lambda scene: scene.client.get_simulate_status(7)},  # type: ignore[arg-type]  # wrongly
    ),
    "Odyssey.list_simulations": Call(
        lambda scene: scene.client.list_simulations(),
        JOBS,
        wrongly={"limit must be": lambda scene: scene.client.list_simulations(limit=0)},
    ),
    "Odyssey.cancel_simulation": Call(
        lambda scene: scene.client.cancel_simulation("j"),
        JOB,
        wrongly={"job_id": lambda scene: scene.client.cancel_simulation("")},
    ),
    "Odyssey.get_recording": Call(
        lambda scene: scene.client.get_recording("r"),
        RECORDING,
        wrongly={"stream_id": lambda scene: scene.client.get_recording("..")},
    ),
    "Odyssey.list_stream_recordings": Call(
        lambda scene: scene.client.list_stream_recordings(),
        {"/stream-recordings": "call"},
        wrongly={"offset must be": lambda scene: scene.client.list_stream_recordings(offset=-1)},
    ),
    "Odyssey.save_trace": Call(
        lambda scene: scene.client.save_trace(NOWHERE),
        wrongly={"there is nothing to save yet": lambda scene: scene.client.save_trace(NOWHERE)},
    ),
    "SimulationJob.status": Call(lambda scene: scene.client.simulation("j").status(), JOB),
    "SimulationJob.wait": Call(
        lambda scene: scene.client.simulation("j").wait(0.5),
        JOB,
        wrongly={"timeout must be a number": lambda scene: scene.client.simulation("j").wait(-1)},
    ),
    "SimulationJob.cancel": Call(lambda scene: scene.client.simulation("j").cancel(), JOB),
    "StreamRecording.get": Call(lambda scene: scene.client.recording("r").get(), RECORDING),
    "StreamRecording.wait": Call(
        lambda scene: scene.client.recording("r").wait(0.5),
        RECORDING,
        wrongly={"timeout must be a number": lambda scene: scene.client.recording("r").wait(-1)},
    ),
    "StreamRecording.download": Call(
        lambda scene: scene.client.recording("r").download(NOWHERE),
        wrongly={
            "path is empty": lambda scene: scene.client.recording("r").download(""),
            "file must be one of": lambda scene: scene.client.recording("r").download("a", "film"),
        },
    ),
    "StreamRecording.read": Call(
        lambda scene: scene.client.recording("r").read("events"),
        RECORDING,
        wrongly={"too large for memory": lambda scene: scene.client.recording("r").read("video")},
    ),
    "StreamRecording.events": Call(lambda scene: scene.client.recording("r").events(), RECORDING),
    "LiveStream.interact": Call(interact_in_block, at=UPDATE),
    "LiveStream.end": Call(end_block, at=END),
    "SpectatorConnection.connect": Call(
        lambda scene: scene.spectator().connect(),
        {"/live/s/whep": "negotiate"},
    ),
    "SpectatorConnection.save_trace": Call(
        save_nowhere,
        wrongly={f"{NOWHERE}: No such file": save_nowhere},
    ),
    "connect_to_stream": Call(
        lambda scene: scene.watch(),
        {"/live/s/whep": "negotiate"},
        wrongly={"spectator_token must be text": lambda scene: scene.watch(token=7)},
    ),
}

ONLY_WAIT = {"LiveStream.ended"}
"""These ask for nothing: what they raise is what the stream failed with."""

NEVER_FAIL = {"Odyssey.disconnect", "Odyssey.aclose", "SpectatorConnection.disconnect"}

ASKING = [(name, path) for name, call in CALLS.items() for path in call.asks]
IN_SESSIONS = [name for name, call in CALLS.items() if call.at is not None]


async def line_of(scene: Scene, *doing: Doing) -> str:
    """Returns the line of the error that the last of these raises, for which the law holds."""
    async with scene.client:
        *before, last = doing
        for each in before:
            await each(scene)
        with pytest.raises(OdysseyError) as caught:
            await last(scene)
    error = caught.value
    line = str(error)
    assert line == one_line(line)
    assert len(line.split()) > 1
    assert len(line) <= MAX_DETAIL_CHARS + 200
    assert not MACHINERY.search(line)
    assert not line.startswith((error.code, error.failure.name))
    assert KEY not in line
    assert getattr(error, "__notes__", []) == ([f"Hint: {error.hint}"] if error.hint else [])
    return line


def test_every_public_call_is_here() -> None:
    kinds = (Odyssey, SpectatorConnection, SimulationJob, StreamRecording, LiveStream)
    calls = {
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name in dir(kind)
        if not name.startswith("_") and iscoroutinefunction(getattr(kind, name))
    }
    assert calls | {"connect_to_stream"} == {*CALLS, *ONLY_WAIT, *NEVER_FAIL}


@pytest.mark.parametrize("status", [403, 404, 409, 429, 503])
@pytest.mark.parametrize(("name", "path"), ASKING)
async def test_a_refusal_has_the_words_of_the_service(name: str, path: str, status: int) -> None:
    scene = Scene()
    reply = json_reply({"detail": SAID + MUCH}, status)
    # Longer than any call may take, so that it is not tried again.
    again = (("retry-after", "4000"),) if status in (429, 503) else ()
    scene.world.replies[path] = evolve(reply, headers=(*reply.headers, *again))
    assert UNDERSTOOD in await line_of(scene, CALLS[name].make)


@pytest.mark.parametrize("name", IN_SESSIONS)
async def test_a_refusal_in_a_session_has_its_words_too(name: str) -> None:
    call = CALLS[name]
    assert call.at is not None
    moment = call.at[0]
    opening = moment is Moment.OPEN
    fault = Close(moment, 4003, SAID) if opening else FailStream(moment, "moderation_failed", SAID + MUCH)
    assert UNDERSTOOD in await line_of(Scene(faults=[fault]), call.before, call.make)


@pytest.mark.parametrize("name", sorted(ONLY_WAIT))
async def test_who_waits_has_the_words_of_the_failure(name: str) -> None:
    async def fails_and_waits(scene: Scene) -> None:
        stream = await scene.stream()
        with pytest.raises(OdysseyError):
            await stream.interact("Pet the cat")
        await getattr(stream, name.partition(".")[2])()

    fault = Close(Moment.UPDATE, 4003, SAID)
    assert UNDERSTOOD in await line_of(Scene(faults=[fault]), fails_and_waits)


@pytest.mark.parametrize(("name", "path"), ASKING)
async def test_a_connection_that_is_refused_is_named(name: str, path: str) -> None:
    scene = Scene()
    scene.world.replies[path] = broken()
    line = await line_of(scene, CALLS[name].make)
    assert "the connection was refused" in line
    assert re.search(r"\((api|media):80\)", line)


@pytest.mark.parametrize("name", IN_SESSIONS)
async def test_a_connection_that_breaks_is_named(name: str) -> None:
    call = CALLS[name]
    assert call.at is not None
    fault = Cut(call.at[0])
    assert "the connection broke (localhost:80)" in await line_of(
        Scene(faults=[fault, Swallow(call.at[0])]), call.before, call.make
    )


@pytest.mark.parametrize(("name", "path"), ASKING)
async def test_a_reply_that_does_not_come(name: str, path: str) -> None:
    call = CALLS[name]
    scene = Scene(Timeouts(**{call.asks[path]: SHORT}))
    scene.world.stalled.add(path)
    assert re.match("could not .*: timed out, no ", await line_of(scene, call.make))


@pytest.mark.parametrize("name", IN_SESSIONS)
async def test_what_does_not_come_in_a_session(name: str) -> None:
    call = CALLS[name]
    assert call.at is not None
    moment, timeout = call.at
    fault = NoOffer() if moment is Moment.OPEN else Swallow(moment)
    scene = Scene(Timeouts(**{timeout: SHORT}), faults=[fault])
    assert re.match("could not .*: timed out, no ", await line_of(scene, call.before, call.make))


@pytest.mark.parametrize(
    ("name", "words"), [(name, words) for name, call in CALLS.items() for words in call.wrongly]
)
async def test_wrong_usage_says_what_is_wrong(name: str, words: str) -> None:
    scene = Scene()
    assert words in await line_of(scene, CALLS[name].wrongly[words])
    assert not scene.world.received


@pytest.mark.parametrize("name", sorted(NEVER_FAIL))
async def test_leaving_never_fails(name: str) -> None:
    scene = Scene()
    scene.world.replies["/auth/token"] = broken()
    leaves = scene.spectator() if name.startswith("Spectator") else scene.client
    for _ in range(2):
        await getattr(leaves, name.partition(".")[2])()
