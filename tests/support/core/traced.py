"""Recorded sessions, made in memory and in virtual time."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from typing import Any

from odyssey_proto.client.client import Client
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.machine import seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.paging import Page
from odyssey_proto.messages.regions import Region
from odyssey_proto.messages.simulations import SimulationRequest
from odyssey_proto.model.recordings import RecordingFile
from odyssey_proto.model.script import End, Start
from odyssey_proto.model.script import Interact as Steer
from odyssey_proto.seam.commands import (
    Call,
    Connect,
    Disconnect,
    Download,
    EndStream,
    Interact,
    MintCredentials,
    StartStream,
    WaitForJob,
)
from odyssey_proto.seam.http import HttpReply
from odyssey_proto.seam.inputs import (
    FetchedBytes,
    FetchEnded,
    PeerFailed,
    PeerId,
    TransportError,
    TransportErrorKind,
)
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import Close, FailStream, Moment, NoOffer, Refuse, Swallow
from odyssey_proto.service.service import Service
from odyssey_proto.testing.pair import Pair
from odyssey_proto.trace import Header, Limits, Recorder, Trace, TraceBuffer

SETTINGS = Settings(
    api_url="https://api.odyssey.example",
    api_key=Secret("ody_0123456789abcdef"),
    seed=b"traced",
    wall=1_700_000_000_000_000,
)
"""The wall clock says the 14th of November 2023."""

PICTURE = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * 400


class TracedClient(Recorder[Any, Any]):
    """A client that is recorded, with its attributes for whoever looks at them."""

    def __init__(self, client: Client, buffer: TraceBuffer) -> None:
        super().__init__(client, buffer.after, buffer.before)
        self._client = client
        self.buffer = buffer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def traced_pair(
    config: ServiceConfig | None = None,
    settings: Settings = SETTINGS,
    limits: Limits | None = None,
    lost: Callable[[str, Any], bool] = lambda side, inp: False,
) -> tuple[Pair, TraceBuffer]:
    """Returns a recorded client and a service, and the buffer."""
    header = Header(settings, (("odyssey", "test"),), created=settings.wall)
    buffer = TraceBuffer(header, limits or Limits())
    client: Any = TracedClient(Client(settings), buffer)
    service = Service(config or ServiceConfig(), b"service", settings.wall)
    return Pair(client, service, lost=lost), buffer


def good_session(pair: Pair) -> None:
    """Connects, streams, steers, ends and leaves."""
    pair.does(Connect())
    pair.does(StartStream("A cat", image=PICTURE))
    pair.frames()
    pair.run(seconds(3))
    pair.does(Interact("Pet the cat"))
    pair.does(EndStream())
    pair.does(Disconnect())


def told(commands: Iterable[Any]) -> Callable[[Pair], None]:
    """Returns a script that carries out commands one by one, refused ones included, and then leaves."""

    def run(pair: Pair) -> None:
        for what in (*commands, Disconnect()):
            with suppress(LocalProtocolError):
                pair.does(what, seconds(120))

    return run


def recorded(script: Callable[[Pair], None] = good_session, **how: Any) -> Trace:
    """Returns the recording of a session."""
    pair, buffer = traced_pair(**how)
    script(pair)
    return buffer.trace()


REGIONS = tuple(Region(f"region-{name}", f"https://{name}.example/ping") for name in "abcdefgh")


def twice(pair: Pair) -> None:
    """Loses the connection in the middle of a stream, and connects again."""
    pair.does(Connect())
    pair.does(StartStream("A cat"))
    pair.hears(PeerFailed(PeerId(1), TransportError(TransportErrorKind.CLOSED, "the network is gone")))
    pair.run(seconds(5))
    good_session(pair)


def called(pair: Pair) -> None:
    """Makes REST calls, some of which fail."""
    job = SimulationRequest(script=(Start("A cat"), Steer("It wakes up", 2), End(5)))
    told([Call("simulations.create", job), Call("recordings.list", Page(limit=3)), Call("no.such", None)])(
        pair
    )


def simulated(pair: Pair) -> None:
    """Waits for a job, and downloads files of what it made; some of that there is not."""
    script = SimulationRequest(script=(Start("A cat"), End(2)))
    job = pair.does(Call("simulations.create", script))
    done = pair.does(WaitForJob(job.job_id, seconds(5), seconds(600)), seconds(600))
    (stream,) = done.streams
    for file in (RecordingFile.EVENTS, RecordingFile.VIDEO):
        pair.does(Download(stream.stream_id, file, seconds(600)), seconds(600))
    pair.does(Download("nobody", RecordingFile.VIDEO, seconds(600)))
    pair.does(WaitForJob("nobody", seconds(5)))
    pair.does(Disconnect())


def second_half_lost(fetch: int = 2) -> Callable[[str, Any], bool]:
    """Returns what loses half of a video, so that it is resumed; `fetch` is the number of its fetch."""
    halves = count(1)

    def lost(side: str, inp: Any) -> bool:
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
        "refused-key": lambda: recorded(told([Connect()]), config=config(keys=("ody_other_key",))),
        "queue": lambda: recorded(config=config(busy)),
        "no-capacity": lambda: recorded(told([Connect()]), config=config(capacity=0)),
        "silent-streamer": lambda: recorded(
            told([Connect(), StartStream("A cat")]), config=config(Swallow(Moment.START))
        ),
        "failed-stream": lambda: recorded(
            told([Connect(), StartStream("A cat"), StartStream("A dog")]),
            config=config(FailStream(Moment.START, "moderation")),
        ),
        "closed-by-the-server": lambda: recorded(
            told([Connect(), StartStream("A cat"), Interact("Pet it")]),
            config=config(Close(Moment.UPDATE, 4000, "going away")),
        ),
        "connected-again": lambda: recorded(twice),
        "no-offer": lambda: recorded(told([Connect()]), config=config(NoOffer())),
        "credentials": lambda: recorded(told([MintCredentials()])),
        "calls": lambda: recorded(called),
        "job-and-downloads": lambda: recorded(simulated, lost=second_half_lost()),
        "cut": lambda: recorded(limits=Limits(steps=12)),
    }
