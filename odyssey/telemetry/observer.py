"""A client's steps as spans and metrics."""

from collections.abc import Callable

from attrs import define
from opentelemetry import context, metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, StatusCode, Tracer, TracerProvider

from odyssey import __version__
from odyssey.telemetry.instruments import Instruments
from odyssey.telemetry.phases import Phases
from odyssey.telemetry.requests import Requests, endpoint_of
from odyssey_anyio.media.delivery import FrameAccount
from odyssey_anyio.tracing.telemetry import Observer
from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.machine import Instant
from odyssey_proto.model import events
from odyssey_proto.seam.commands import Call, Command, CommandId, Connect, ConnectWith, Interact, StartStream
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.seam.inputs import ExchangeFailed, Replied
from odyssey_proto.seam.outputs import CancelRequest, Completed, Failed, Happened, Request
from odyssey_proto.trace.values import Step

NAME = "odyssey"
"""The scope of what is measured here."""

MAX_ASKED = 1024
"""How many calls may wait for the core at once and keep the context of their callers."""


class OpenTelemetry:
    """
    Spans and metrics of clients, by OpenTelemetry.

    `tracer_provider` and `meter_provider` take what is measured; without them the global ones do, and
    nothing is measured where the application has set up none.
    One object may serve any number of clients.
    No span and no attribute holds a secret, a prompt or an id; what there is, and its names, stands in
    docs/how-to/observe.md.

    Example:
        ```python
        client = Odyssey(telemetry=OpenTelemetry())
        ```
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer(NAME, __version__, tracer_provider)
        self._instruments = Instruments(metrics.get_meter(NAME, __version__, meter_provider))

    def __repr__(self) -> str:
        return "<OpenTelemetry>"

    def observe(self, began: int, account: Callable[[], FrameAccount]) -> Observer:
        """
        Looks on at a client that begins to work; the client calls it.

        `began` is the zero of its clock, in microseconds since 1970, and `account` that of its frames.
        """
        return _ClientObserver(self._tracer, self._instruments, began, account)


@define
class _Asked:
    """A call under way: since when, as which span, and what its caller was doing."""

    at: Instant
    context: Context
    endpoint: str = ""
    span: Span | None = None
    interacts: bool = False
    connects: bool = False


class _ClientObserver:
    """Looks on at one client."""

    def __init__(
        self, tracer: Tracer, instruments: Instruments, began: int, account: Callable[[], FrameAccount]
    ) -> None:
        self._tracer = tracer
        self._instruments = instruments
        self._began = began
        self._account = account
        self._counted = account()
        self._callers: dict[CommandId, Context] = {}
        self._calls: dict[CommandId, _Asked] = {}
        self._requests = Requests(tracer, instruments, self._nanoseconds)
        self._phases = Phases(tracer, instruments, self._nanoseconds)
        self._connecting = Context()
        """Where the requests of a session belong: its connect, or its recovery."""
        self._stream: Span | None = None
        self._recovery: tuple[Span, Instant] | None = None
        self._stalled: tuple[Instant, events.StallReason] | None = None

    def asked(self, command: CommandId) -> None:
        """A call begins, in the task of its caller."""
        if len(self._callers) < MAX_ASKED:
            self._callers[command] = context.get_current()

    def stepped(self, step: Step) -> None:
        """The core has made a step."""
        at = step.at
        match step.inp:
            case Command(command, what):
                self._begin(command, what, at)
            case Replied() | ExchangeFailed() as how:
                self._requests.ended(how, at)
            case _:
                pass
        self._phases.take(step)
        if step.refused is not None and isinstance(step.inp, Command):
            self._end(step.inp.command, step.refused, at)
        for output in step.outputs:
            match output:
                case Request(_, request):
                    self._requests.sent(output, at, self._parent(request))
                case CancelRequest():
                    self._requests.ended(output, at)
                case Completed(command):
                    self._end(command, None, at)
                case Failed(command, failure):
                    self._end(command, failure, at)
                case Happened(event):
                    self._happened(event, at)
                case _:
                    pass
        self._count_frames()

    # --- calls ----------------------------------------------------------------------------------

    def _begin(self, command: CommandId, what: object, at: Instant) -> None:
        asked = self._calls[command] = _Asked(at, self._callers.pop(command, Context()))
        match what:
            case Connect() | ConnectWith():
                asked.span, asked.connects = self._start("odyssey.connect", asked.context, at), True
                self._connecting = trace.set_span_in_context(asked.span, asked.context)
                self._phases.begin(command, self._connecting)
            case StartStream():
                asked.span = self._start("odyssey.stream", asked.context, at)
                self._phases.belong_to(trace.set_span_in_context(asked.span, asked.context))
            case Interact():
                asked.span, asked.interacts = self._start("odyssey.interact", self._inside(asked), at), True
            case Call(endpoint):
                asked.endpoint = endpoint
            case _:
                pass

    def _end(self, command: CommandId, failure: Failure | None, at: Instant) -> None:
        asked = self._calls.pop(command, None)
        if asked is None or asked.span is None:
            return
        more = {} if failure is None else {"error.type": failure.code}
        seconds = (at - asked.at) / 1_000_000
        if asked.connects:
            self._instruments.connect.record(seconds, more)
            self._phases.connected(command, succeeded=failure is None)
            self._connecting = Context()
        elif asked.interacts:
            self._instruments.interact.record(seconds, more)
        elif failure is None:
            # The stream goes on beyond the call that started it.
            self._end_stream(None, at)
            self._stream = asked.span
            return
        self._finish(asked.span, failure, at)

    # --- events ---------------------------------------------------------------------------------

    def _happened(self, event: events.Event, at: Instant) -> None:
        match event:
            case events.StreamEnded():
                self._end_stream(None, at)
            case events.StreamFailed(failure=failure, ends=ends) if ends is not False:
                self._end_stream(failure, at)
            case events.Disconnected(failure):
                self._end_stream(failure, at)
                self._end_recovery(failure, at)
            case events.FramesStalled(reason=reason):
                self._stalled = self._stalled or (at, reason)
            case events.FramesResumed():
                self._end_stall(at)
            case events.Reconnecting(cause):
                self._instruments.reconnects.add(1, {"error.type": cause.code})
                if self._recovery is None:
                    span = self._start("odyssey.recovery", self._around(), at)
                    self._recovery = span, at
                    self._connecting = trace.set_span_in_context(span)
            case events.Restored():
                self._end_recovery(None, at)
                self._end_stall(at)
            case _:
                pass

    def _end_stream(self, failure: Failure | None, at: Instant) -> None:
        self._end_stall(at)
        stream, self._stream = self._stream, None
        if stream is not None:
            self._finish(stream, failure, at)

    def _end_recovery(self, failure: Failure | None, at: Instant) -> None:
        recovery, self._recovery = self._recovery, None
        if recovery is not None:
            span, began = recovery
            more = {} if failure is None else {"error.type": failure.code}
            self._instruments.recovery.record((at - began) / 1_000_000, more)
            self._finish(span, failure, at)
            self._connecting = Context()

    def _end_stall(self, at: Instant) -> None:
        stalled, self._stalled = self._stalled, None
        if stalled is not None:
            began, reason = stalled
            self._instruments.stall.record((at - began) / 1_000_000, {"odyssey.stall.reason": reason.value})

    # --- spans ----------------------------------------------------------------------------------

    def _start(self, name: str, parent: Context, at: Instant) -> Span:
        return self._tracer.start_span(name, parent, start_time=self._nanoseconds(at))

    def _finish(self, span: Span, failure: Failure | None, at: Instant) -> None:
        if failure is not None:
            span.set_attribute("error.type", failure.code)
            span.set_status(StatusCode.ERROR)
        span.end(self._nanoseconds(at))

    def _parent(self, request: HttpRequest) -> Context:
        """Where a request belongs: to the call that it is of, else to a connect or a recovery."""
        endpoint = endpoint_of(request)
        for asked in self._calls.values():
            if endpoint is not None and asked.endpoint == endpoint.name:
                return asked.context
        return self._connecting

    def _around(self) -> Context:
        """What belongs to no call is part of the stream, if one runs."""
        return Context() if self._stream is None else trace.set_span_in_context(self._stream)

    def _inside(self, asked: _Asked) -> Context:
        """What a caller does who is in no span of its own is part of the stream."""
        own = trace.get_current_span(asked.context).get_span_context().is_valid
        return asked.context if own else self._around()

    def _nanoseconds(self, at: Instant) -> int:
        return (self._began + at) * 1_000

    # --- frames ---------------------------------------------------------------------------------

    def _count_frames(self) -> None:
        before, self._counted = self._counted, self._account()
        now = self._counted
        if now.received > before.received:
            self._instruments.received.add(now.received - before.received)
        for reason, count in now.dropped.items():
            if count > before.dropped.get(reason, 0):
                more = {"odyssey.drop.reason": reason}
                self._instruments.dropped.add(count - before.dropped.get(reason, 0), more)
