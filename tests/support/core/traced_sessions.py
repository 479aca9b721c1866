"""Recorded sessions, made in memory and in virtual time."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from typing import Any

from attrs import evolve

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.recordings import Page
from odyssey_proto.messages.simulations import SimulationRequest
from odyssey_proto.model.address import Region
from odyssey_proto.model.config import Limits as TimeLimits
from odyssey_proto.model.config import ReconnectPolicy
from odyssey_proto.model.recordings import RecordingFile
from odyssey_proto.model.script import End, Start
from odyssey_proto.model.script import Interact as Steer
from odyssey_proto.seam.commands import (
    Call,
    Connect,
    Disconnect,
    Download,
    Interact,
    MintCredentials,
    StartStream,
    WaitForJob,
    WaitForRecording,
)
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    FetchedBytes,
    FetchEnded,
    PeerFailed,
    PeerId,
    PeerState,
    PeerStateChanged,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Close, FailStream, Moment, NoOffer, Refuse, Swallow
from odyssey_proto.service.service import Service
from odyssey_proto.testing.world import World
from odyssey_proto.trace import Header, Limits, Recorder, Trace, TraceBuffer, lines, read

SETTINGS = Settings(
    api_url="https://api.odyssey.example",
    api_key=Secret("ody_0123456789abcdef"),
    seed=b"traced",
    wall=1_700_000_000_000_000,
)
"""The wall clock says the 14th of November 2023."""

PICTURE = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 400

RENEWING = ReconnectPolicy(renew_before=20)
SHORT = TimeLimits(stream=None, connection=100)


class TracedClient(Recorder[Any, Any]):
    """A client that is recorded, with its attributes for whoever looks at them."""

    def __init__(self, client: Client, buffer: TraceBuffer) -> None:
        super().__init__(client, buffer.after, buffer.before)
        self._client = client
        self.buffer = buffer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def traced_world(
    config: ServiceConfig | None = None,
    settings: Settings = SETTINGS,
    limits: Limits | None = None,
    lost: Callable[[Any], bool] = lambda inp: False,
    seed: bytes = b"service",
) -> tuple[World, TraceBuffer]:
    """Returns a traced client and a service, and the buffer of its trace; `lost` says what never arrives."""
    header = Header(settings, (("odyssey", "test"),), created=settings.wall)
    buffer = TraceBuffer(header, limits or Limits())
    client: Any = TracedClient(Client(settings), buffer)
    service = Service(config or ServiceConfig(), seed, settings.wall)
    world = World(client, service)
    world.intercept(lambda side, inp: None if lost(inp) else inp)
    return world, buffer


def good_session(world: World) -> None:
    """Connects, streams, steers, ends and leaves."""
    world.connect()
    world.start("A cat", image=PICTURE)
    world.frames()
    world.wait(seconds(3))
    world.interact("Pet the cat")
    world.end()
    world.disconnect()


def giving(commands: Iterable[Any]) -> Callable[[World], None]:
    """Returns a script that gives commands one by one, refused ones included, and then disconnects."""

    def run(world: World) -> None:
        for what in (*commands, Disconnect()):
            with suppress(LocalProtocolError):
                world.do(what, within=seconds(120))

    return run


def recorded(script: Callable[[World], None] = good_session, **how: Any) -> Trace:
    """Returns the recording of a session."""
    world, buffer = traced_world(**how)
    script(world)
    return buffer.trace()


REGIONS = tuple(Region(f"region-{name}", f"https://{name}.example/ping") for name in "abcdefgh")


def twice(world: World) -> None:
    """Loses the connection in the middle of a stream, and connects again."""
    world.connect()
    world.start("A cat")
    world.step(PeerFailed(PeerId(1), TransportError(TransportErrorKind.CLOSED, "the network is gone")))
    world.wait(seconds(5))
    good_session(world)


def video(world: World, length: int) -> None:
    """Lets so many seconds pass, in which frames come."""
    for _ in range(length):
        world.wait(seconds(1))
        world.frames()


def losing(world: World) -> None:
    """Loses the session in the middle of a stream, while a prompt waits, and gets another one."""
    world.connect()
    world.start("A cat", image=PICTURE)
    video(world, 3)
    world.interact("Pet the cat")
    world.give(Interact("Feed the cat"))
    world.close_sockets()
    video(world, 8)
    world.end()
    world.disconnect()


def forgotten(world: World) -> None:
    """Media are silent for a moment; then a NAT forgets the session, and another one takes its place."""
    world.connect()
    world.start("A cat")
    video(world, 2)
    for state in (PeerState.DISCONNECTED, PeerState.CONNECTED):
        world.step(PeerStateChanged(PeerId(1), state))
        world.wait(seconds(1))
    world.forget_flows()
    video(world, 6)
    world.disconnect()


def renewing(world: World) -> None:
    """Streams until the session is near its limit of time, and has been renewed."""
    world.connect()
    world.start("A cat")
    video(world, 90)
    world.disconnect()


def called(world: World) -> None:
    """Makes REST calls, some of which fail."""
    job = SimulationRequest(script=(Start("A cat"), Steer("It wakes up", 2), End(5)))
    giving([Call("simulations.create", job), Call("recordings.list", Page(limit=3)), Call("no.such", None)])(
        world
    )


def simulated(world: World) -> None:
    """Waits for a job, and downloads files of what it made; some of that there is not."""
    script = SimulationRequest(script=(Start("A cat"), End(2)))
    job = world.call("simulations.create", script).result
    done = world.do(WaitForJob(job.job_id, seconds(5), seconds(600)), within=seconds(600)).result
    (stream,) = done.streams
    for file in (RecordingFile.EVENTS, RecordingFile.VIDEO):
        world.do(Download(stream.stream_id, file, seconds(600)), within=seconds(600))
    world.do(Download("nobody", RecordingFile.VIDEO, seconds(600)))
    world.do(WaitForJob("nobody", seconds(5)))
    world.do(WaitForRecording(stream.stream_id, seconds(5), seconds(60)))
    world.do(WaitForRecording("nobody", seconds(5), seconds(7)), within=seconds(10))
    world.disconnect()


def second_half_lost(fetch: int = 2) -> Callable[[Any], bool]:
    """Returns what loses half of a video, so that it is resumed; `fetch` is the number of its fetch."""
    halves = count(1)

    def lost(inp: Any) -> bool:
        match inp:
            case FetchedBytes(count=1_500_000):
                return next(halves) == 2
            case FetchEnded(ended):
                return ended == fetch
            case _:
                return False

    return lost


def scenarios() -> dict[str, Callable[[], Trace]]:
    """Returns one session of every kind, by name."""

    def config(*faults: Any, **given: Any) -> ServiceConfig:
        return ServiceConfig(faults=faults, **given)

    busy = Refuse("/sessions/request", HttpReply(503), times=3)
    return {
        "good": recorded,
        "regions": lambda: recorded(config=config(regions=REGIONS)),
        "refused-key": lambda: recorded(giving([Connect()]), config=config(keys=("ody_other_key",))),
        "queue": lambda: recorded(config=config(busy)),
        "no-capacity": lambda: recorded(giving([Connect()]), config=config(capacity=0)),
        "silent-streamer": lambda: recorded(
            giving([Connect(), StartStream("A cat")]), config=config(Swallow(Moment.START))
        ),
        "failed-stream": lambda: recorded(
            giving([Connect(), StartStream("A cat"), StartStream("A dog")]),
            config=config(FailStream(Moment.START, "moderation")),
        ),
        "closed-by-the-server": lambda: recorded(
            giving([Connect(), StartStream("A cat"), Interact("Pet it")]),
            config=config(Close(Moment.UPDATE, 4000, "going away")),
        ),
        "connected-again": lambda: recorded(twice),
        "recovered": lambda: recorded(losing, settings=evolve(SETTINGS, reconnect=ReconnectPolicy())),
        "path-lost": lambda: recorded(forgotten, settings=evolve(SETTINGS, reconnect=ReconnectPolicy())),
        "renewed": lambda: recorded(renewing, settings=evolve(SETTINGS, reconnect=RENEWING, limits=SHORT)),
        "no-offer": lambda: recorded(giving([Connect()]), config=config(NoOffer())),
        "credentials": lambda: recorded(giving([MintCredentials()])),
        "calls": lambda: recorded(called),
        "job-and-downloads": lambda: recorded(simulated, lost=second_half_lost()),
        "cut": lambda: recorded(limits=Limits(steps=12)),
    }


def again(trace: Trace) -> Trace:
    """Returns a trace that was written and read."""
    return read(lines(trace))
