"""Every public call: how it is made in memory, after what, and how it is used wrongly."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from inmemory import World
from odyssey import LiveStream, Odyssey, SpectatorConnection, Timeouts, connect_to_stream
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.runtime.supervisor import Transports
from odyssey_anyio.tracing.policy import policy_of
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.settings import SpectatorSettings
from odyssey_proto.service.io.faults import Moment

KEY = "ody_canary_key"
SCRIPT = [{"timestamp_ms": 0, "start": {"prompt": "a"}}, {"timestamp_ms": 900, "end": {}}]
NOWHERE = "/nowhere/file"
SHORT = 0.02
"""How long the call waits that is to time out, in seconds."""


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
        lambda scene: scene.client.simulation("j").wait(2),
        JOB,
        wrongly={"timeout must be a number": lambda scene: scene.client.simulation("j").wait(-1)},
    ),
    "SimulationJob.cancel": Call(lambda scene: scene.client.simulation("j").cancel(), JOB),
    "StreamRecording.get": Call(lambda scene: scene.client.recording("r").get(), RECORDING),
    "StreamRecording.wait": Call(
        lambda scene: scene.client.recording("r").wait(2),
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
