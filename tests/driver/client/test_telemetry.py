"""Spans and metrics by OpenTelemetry: their names, their places, and what they never hold."""

import importlib
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import define, field
from inmemory import World
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from odyssey import (
    Bounded,
    Connected,
    ConnectionStatus,
    Disconnected,
    FirstFrameTimes,
    FrameAccount,
    FramesResumed,
    FramesStalled,
    Odyssey,
    OdysseyConnectionError,
    OdysseyRequestError,
    OdysseyStreamError,
    OdysseyValueError,
    ReconnectPolicy,
    StallReason,
    StatusChanged,
    StreamStarted,
)
from odyssey.telemetry import OpenTelemetry
from odyssey.telemetry.instruments import Instruments
from odyssey_anyio.tracing.times import Times
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.seam.commands import Command, CommandId, Connect, StartStream
from odyssey_proto.seam.http import HttpReply, json_reply
from odyssey_proto.seam.inputs import MediaSeen, PeerId, Wake
from odyssey_proto.seam.outputs import Completed, Happened
from odyssey_proto.trace.values import Step

pytestmark = pytest.mark.anyio

PHASES = ["authenticate", "allocate", "prepare", "signal", "negotiate", "start", "first_frame"]


@define
class Measured:
    """What an application would export."""

    exporter: InMemorySpanExporter = field(factory=InMemorySpanExporter)
    reader: InMemoryMetricReader = field(factory=InMemoryMetricReader)
    tracers: TracerProvider = field(init=False)
    telemetry: OpenTelemetry = field(init=False)

    def __attrs_post_init__(self) -> None:
        # No hooks at the end of the interpreter, which would hold each of them until then.
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.telemetry = OpenTelemetry(self.tracers, MeterProvider([self.reader], shutdown_on_exit=False))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def span(self, name: str) -> ReadableSpan:
        (span,) = [each for each in self.spans if each.name == name]
        return span

    def parent(self, name: str) -> str | None:
        inside = self.span(name).parent
        names = {each.context.span_id: each.name for each in self.spans if each.context is not None}
        return None if inside is None else names.get(inside.span_id)

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def measured() -> Measured:
    return Measured()


type Make = Callable[..., Odyssey]


async def shown(world: World, condition: Callable[[], object]) -> None:
    """Lets frames be reported until something holds."""
    with anyio.fail_after(30):
        while not condition():
            world.deliver(world.media.frames(1))
            await anyio.sleep(0)


async def test_a_session_as_spans(make: Make, world: World, measured: Measured) -> None:
    async with make(telemetry=measured.telemetry) as client:
        with measured.tracers.get_tracer("application").start_as_current_span("button"):
            await client.connect()
        async with client.stream("A cat") as stream:
            frames = stream.frames(Bounded(2))
            world.shows(5)
            await anext(frames)
            await shown(world, lambda: measured.points("odyssey.time_to_first_frame"))
            await stream.interact("Pet the cat")
    names = Counter(span.name for span in measured.spans)
    assert names["odyssey.connect"] == names["odyssey.stream"] == names["odyssey.interact"] == 1
    assert measured.parent("odyssey.connect") == "button"
    assert measured.parent("odyssey.interact") == "odyssey.stream"
    for phase in PHASES[:5]:
        assert measured.parent(f"odyssey.phase.{phase}") == "odyssey.connect"
    assert measured.parent("odyssey.phase.start") == "odyssey.stream"
    assert measured.parent("POST /auth/token") == "odyssey.connect"
    assert {span.status.status_code for span in measured.spans} == {StatusCode.UNSET}
    connect = measured.span("odyssey.connect")
    for phase in PHASES[:5]:
        span = measured.span(f"odyssey.phase.{phase}")
        assert connect.start_time <= span.start_time <= span.end_time <= connect.end_time  # type: ignore[operator]  # all are set


async def test_a_session_as_metrics(make: Make, world: World, measured: Measured) -> None:
    async with make(telemetry=measured.telemetry) as client:
        await client.connect()
        async with client.stream("A cat") as stream:
            frames = stream.frames(Bounded(2))
            world.shows(5)
            await anext(frames)
            await shown(world, lambda: measured.points("odyssey.time_to_first_frame"))
            await stream.interact("Pet the cat")
        await client.disconnect()
        account = client.statistics().frames
    (received,) = measured.points("odyssey.frames.received")
    assert received.value == account.received == 5
    dropped = {
        point.attributes["odyssey.drop.reason"]: point.value
        for point in measured.points("odyssey.frames.dropped")
    }
    assert dropped == {reason: count for reason, count in account.dropped.items() if count}
    assert [point.count for point in measured.points("odyssey.connect.duration")] == [1]
    assert [point.count for point in measured.points("odyssey.interact.duration")] == [1]
    assert [point.count for point in measured.points("odyssey.time_to_first_frame")] == [1]
    phases = {
        point.attributes["odyssey.phase"] for point in measured.points("odyssey.connect.phase.duration")
    }
    assert {"negotiate", "start"} <= phases <= {*PHASES}


async def test_requests_have_the_attributes_of_the_conventions(
    make: Make, world: World, measured: Measured
) -> None:
    world.replies["/recordings/secret-id"] = HttpReply(404)
    client = make(telemetry=measured.telemetry)
    page = measured.tracers.get_tracer("application").start_as_current_span("page")
    with page, pytest.raises(OdysseyRequestError):
        await client.get_recording("secret-id")
    await client.aclose()
    span = measured.span("GET /recordings/{id}")
    assert measured.parent("GET /recordings/{id}") == "page"
    expected = {
        "http.request.method": "GET",
        "server.address": "api",
        "server.port": 80,
        "url.template": "/recordings/{id}",
        "http.response.status_code": 404,
        "error.type": "404",
    }
    assert dict(span.attributes or {}) == expected
    assert span.status.status_code is StatusCode.ERROR
    assert expected in [dict(point.attributes) for point in measured.points("http.client.request.duration")]


async def test_what_fails_has_its_code(make: Make, world: World, measured: Measured) -> None:
    world.replies["/auth/token"] = HttpReply(503)
    async with make(telemetry=measured.telemetry) as client:
        with pytest.raises(OdysseyConnectionError) as caught:
            await client.connect()
    connect = measured.span("odyssey.connect")
    assert connect.attributes == {"error.type": caught.value.code}
    assert connect.status.status_code is StatusCode.ERROR
    assert measured.span("odyssey.phase.authenticate").status.status_code is StatusCode.ERROR
    assert measured.points("odyssey.time_to_first_frame") == []


async def test_a_refused_stream_ends_its_span(make: Make, measured: Measured) -> None:
    async with make(telemetry=measured.telemetry) as client:
        await client.connect()
        with pytest.raises(OdysseyStreamError):
            await client.interact("before any stream")
    assert "error.type" in (measured.span("odyssey.interact").attributes or {})


async def test_a_recovery(make: Make, world: World, measured: Measured) -> None:
    policy = ReconnectPolicy(first_delay=0, longest_delay=0.1)
    async with make(telemetry=measured.telemetry, reconnect=policy) as client:
        await client.connect()
        await client.start_stream("A cat")
        world.hangs_up()
        await shown(world, lambda: client.statistics().recoveries)
    (attempts,) = measured.points("odyssey.reconnects")
    assert attempts.value >= 1
    assert [point.count for point in measured.points("odyssey.recovery.duration")] == [1]
    assert measured.parent("odyssey.recovery") == "odyssey.stream"
    requests = [span for span in measured.spans if span.name == "POST /sessions/request"]
    assert len(requests) == 2
    assert requests[1].parent.span_id == measured.span("odyssey.recovery").context.span_id  # type: ignore[union-attr]  # both are there


async def test_nothing_that_is_measured_holds_a_secret_a_prompt_or_an_id(
    make: Make, world: World, measured: Measured
) -> None:
    world.replies["/recordings/some-recording"] = json_reply({"error": "some-recording is gone"}, 404)
    async with make(telemetry=measured.telemetry) as client:
        await client.connect()
        async with client.stream("A very private cat") as stream:
            await stream.interact("Pet the private cat")
        with pytest.raises(OdysseyRequestError):
            await client.get_recording("some-recording")
    shown = "".join(span.to_json() for span in measured.spans) + str(measured.reader.get_metrics_data())
    hidden = ["ody_test", "private", "some-recording", *world.tokens, *world.session_ids, *world.stream_ids]
    assert len(hidden) > 5
    assert [each for each in hidden if each in shown] == []


class Broken:
    """Telemetry that always raises."""

    def observe(self, began: int, account: object) -> "Broken":
        return self

    def asked(self, command: object) -> None:
        raise ValueError

    stepped = asked


async def test_telemetry_that_breaks_ends_no_session(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    async with make(telemetry=Broken()) as client:
        await client.connect()
        assert client.is_connected
    assert caplog.messages == ["no telemetry of what follows: ValueError"]


class Absent:
    """Telemetry that does not even begin."""

    def observe(self, began: int, account: object) -> Broken:
        return {}["observer"]


async def test_telemetry_that_does_not_begin_fails_no_connect(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async with make(telemetry=Absent()) as client:
        await client.connect()
        assert client.is_connected
    assert caplog.messages == ["no telemetry of what follows: KeyError"]


async def test_what_is_no_telemetry_is_refused() -> None:
    with pytest.raises(OdysseyValueError, match="telemetry must have observe"):
        Odyssey("ody_test", telemetry=7)  # type: ignore[arg-type]  # that is the test


async def test_without_a_provider_nothing_is_measured(make: Make) -> None:
    async with make(telemetry=OpenTelemetry()) as client:
        await client.connect()


def test_who_does_not_use_it_does_not_load_it() -> None:
    program = (
        "import sys, odyssey; odyssey.Odyssey; assert not [m for m in sys.modules if 'opentelemetry' in m]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=50)


def test_a_stall_is_measured_once(measured: Measured) -> None:
    nothing = FrameAccount(0, 0, 0, {})
    observer = measured.telemetry.observe(0, lambda: nothing)
    for at, event in [
        (1, FramesStalled(3)),
        (2, FramesStalled(3, StallReason.NOT_DECODED)),
        (4, FramesResumed(4)),
        (5, FramesResumed(5)),
        (6, FramesStalled(5, StallReason.NOT_DECODED)),
        (9, Disconnected()),
    ]:
        observer.stepped(Step(Instant(at * 1_000_000), Wake(), (Happened(event),)))
    found = {
        point.attributes["odyssey.stall.reason"]: point.sum
        for point in measured.points("odyssey.stall.duration")
    }
    assert found == {"no_frames": 3, "not_decoded": 3}


def test_every_metric_and_its_unit_stand_on_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "observe.md").read_text()
    row = re.compile(r"^\| `((?:odyssey|http)\.[\w.]+)` \| \w+, ([\w{}]+) \|", re.MULTILINE)
    made = Instruments(MeterProvider(shutdown_on_exit=False).get_meter("page"))
    assert {each.name: each.unit for each in vars(made).values()} == dict(row.findall(page))


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("odyssey.telemetry", "opentelemetry"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ImportError, match=r"odyssey-client\[otel\]"):
        importlib.import_module("odyssey.telemetry")


async def test_statistics_say_how_long_it_took(client: Odyssey, world: World) -> None:
    await client.connect()
    assert (client.statistics().first_frame, client.statistics().round_trip) == (None, None)
    async with client.stream("A cat") as stream:
        # The clock of the client: that of a loop may be coarser.
        began = time.monotonic_ns()
        await shown(world, lambda: client.statistics().first_frame)
        await stream.interact("Pet the cat")
        most = (time.monotonic_ns() - began) / 1e9
    took = client.statistics()
    assert took.first_frame is not None
    parts = took.first_frame.to_dict()
    assert min(parts[name] for name in ("authenticating", "connecting", "starting", "arriving")) >= 0
    assert took.first_frame.total == pytest.approx(sum(v for v in parts.values() if isinstance(v, float)))
    assert took.round_trip is not None
    assert 0 < took.round_trip <= most


@pytest.mark.parametrize("prepared", [False, True])
def test_each_part_of_the_way_has_its_time(prepared: bool) -> None:
    times, nothing = Times(), Wake()
    connecting = StatusChanged(ConnectionStatus.CONNECTING)
    steps: list[tuple[int, Any, Any]] = [
        (1, Command(CommandId(1), Connect()), None),
        (3, nothing, nothing if prepared else Happened(connecting)),
        (4, nothing, Happened(connecting if not prepared else StatusChanged(ConnectionStatus.CONNECTED))),
        (7, nothing, Happened(Connected("s"))),
        (10, Command(CommandId(2), StartStream("A cat")), None),
        (14, nothing, Happened(StreamStarted("x"))),
        (19, MediaSeen(PeerId(1), 1), None),
        (99, MediaSeen(PeerId(1), 2), None),
    ]
    for at, inp, output in steps:
        times.stepped(Step(Instant(at * 1_000_000), inp, () if output is None else (output,)))
    expected = FirstFrameTimes(0, 6, 4, 5) if prepared else FirstFrameTimes(2, 4, 4, 5)
    assert times.first_frame == expected
    assert times.first_frame.total == 15


def test_connecting_again_keeps_the_times_of_the_connection() -> None:
    times = Times()
    steps: list[tuple[Any, tuple[Any, ...]]] = [
        (Command(CommandId(1), Connect()), ()),
        (Wake(), (Happened(StatusChanged(ConnectionStatus.CONNECTING)),)),
        (Wake(), (Happened(Connected("s")), Completed(CommandId(1)))),
        (Command(CommandId(2), Connect()), (Completed(CommandId(2)),)),
        (Command(CommandId(3), StartStream("A cat")), ()),
        (Wake(), (Happened(StreamStarted("x")),)),
        (MediaSeen(PeerId(1), 1), ()),
    ]
    for at, (inp, outputs) in enumerate(steps):
        times.stepped(Step(Instant(at * 1_000_000), inp, outputs))
    assert times.first_frame == FirstFrameTimes(1, 1, 1, 1)


async def test_handlers_that_come_later_do_not_hide_the_first_frame(client: Odyssey, world: World) -> None:
    await client.connect()
    await client.connect(on_error=print)
    async with client.stream("A cat"):
        with anyio.fail_after(5):
            await shown(world, lambda: client.statistics().first_frame)
