"""The root of the client: commands in, everything to be done out; one session at a time."""

from collections.abc import Callable, Hashable, Iterable
from functools import partial
from typing import Any, assert_never

from attrs import frozen

from odyssey_proto.client.connecting.minting import Minting
from odyssey_proto.client.connecting.preparation import Preparation
from odyssey_proto.client.connecting.reservation import RegionsMeasured
from odyssey_proto.client.connection import Connection
from odyssey_proto.client.jobs.polling import Polling
from odyssey_proto.client.jobs.transfer import Transfer
from odyssey_proto.client.outlet import Outlet
from odyssey_proto.client.rest.call_requests import CallOrder, CallRequest, CancelCall, StartCall
from odyssey_proto.client.rest.calls import CallEnded, CallOutput, Calls
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.session import SessionState
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import (
    ABANDONED,
    Failure,
    FailureKind,
    LocalProtocolError,
    Phase,
    invalid,
    refused,
)
from odyssey_proto.kernel.machine import Deadline, Instant, RootMachine, earliest, seconds
from odyssey_proto.messages import ENDPOINTS
from odyssey_proto.model.access import RegionMap, ServiceAccess
from odyssey_proto.model.credentials import ClientCredentials, StreamerCapabilities
from odyssey_proto.model.events import ConnectionStatus, StatusChanged
from odyssey_proto.seam.commands import (
    Abandon,
    Call,
    Command,
    CommandId,
    Connect,
    ConnectWith,
    Disconnect,
    Download,
    EndStream,
    Interact,
    MintCredentials,
    Prepare,
    StartStream,
    WaitForJob,
    WaitForRecording,
)
from odyssey_proto.seam.inputs import (
    ExchangeFailed,
    FetchedBytes,
    FetchEnded,
    FetchFailed,
    FetchInput,
    FetchOpened,
    NetworkInput,
    Replied,
    SocketAnswered,
    SocketClosed,
    SocketOpened,
    SocketRefused,
    SocketText,
    Wake,
)
from odyssey_proto.seam.outputs import ClientInput, ClientOutput, Completed, Failed, Happened
from odyssey_proto.seam.settings import Settings

type _Part = Connection | Minting | Preparation | Polling | Transfer
"""What goes on until it is closed, on its own: a command may be long over by then."""


@frozen
class _ResultFor:
    """The result of a call that a part has asked for, which knows its class."""

    part: _Part
    result: Any


type _CallKey = CommandId | tuple[_Part, Hashable]
type _CallResult = _ResultFor | Completed | Failed


class Client(RootMachine[ClientInput, ClientOutput]):
    """
    The whole client as one machine: `step` with the time and one input, then obey the outputs.

    Every command that was accepted ends in exactly one `Completed` or `Failed`.
    A connection that is left goes on in the background just long enough to say goodbye, so that the
    next one can begin at once.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._outlet = Outlet()
        self._outlet.learn(settings.api_key)
        self._ids = IdSource()
        authenticate = seconds(settings.timeouts.authenticate)
        self._entropy = Entropy(settings.seed)
        self._calls = Calls[_CallKey, _CallResult](
            settings.api_url, settings.api_key, authenticate, self._ids, self._entropy
        )
        self._parts: list[_Part] = []
        self._current: Connection | None = None
        self._regions: RegionMap | None = None
        if (known := settings.known) is not None:
            self._outlet.learn(known)
            self._calls.begin_with(known.token, Instant(known.token_ends - settings.wall))
            self._regions = known.regions
        self._until_released: list[CommandId] = []
        self._app_calls: set[CommandId] = set()
        self.status: ConnectionStatus = ConnectionStatus.DISCONNECTED

    # --- what it is -----------------------------------------------------------------------------

    @property
    def session_id(self) -> str | None:
        """The service's name for the present session."""
        return self._current.session_id if self._current is not None else None

    @property
    def capabilities(self) -> StreamerCapabilities | None:
        """What the present session's streamer can do."""
        return None if self._current is None else self._current.capabilities

    @property
    def last_applied_prompt(self) -> str | None:
        """The prompt that the picture shows now, as far as the service said."""
        return self._current.last_applied_prompt if self._current is not None else None

    @property
    def access(self) -> ServiceAccess:
        """What another client may begin with."""
        ends = self._settings.wall_at(self._calls.token_ends)
        return ServiceAccess(self._calls.token, ends if self._calls.token else 0, self._regions)

    @property
    def states(self) -> tuple[SessionState, ...]:
        """The state of every session that is not over, those that still say goodbye included."""
        return tuple(state for connection in self._connections() for state in connection.states)

    @property
    def has_session(self) -> bool:
        """Whether a session comes up, is there, is being replaced, or still says goodbye."""
        return bool(self._connections())

    @property
    def calls(self) -> int:
        """How many REST calls of the application wait."""
        return len(self._app_calls)

    @property
    def jobs(self) -> int:
        """How many waits and downloads go on."""
        return sum(isinstance(part, Polling | Transfer) for part in self._parts)

    @property
    def state_in_words(self) -> tuple[tuple[str, str], ...]:
        """The state in a few words, each with its name; nothing secret is among them."""
        return (
            ("status", self.status.value),
            ("session", self.session_id or ""),
            ("phase", " ".join(state.name for state in self.states)),
            ("calls", str(self.calls)),
            ("jobs", str(self.jobs)),
        )

    def _next_deadline(self) -> Deadline | None:
        return earliest(self._calls.deadline, *[part.deadline for part in self._parts])

    def __repr__(self) -> str:
        return f"<Client {self.status.value} session={self.session_id} calls={self.calls}>"

    # --- the step -------------------------------------------------------------------------------

    def step(self, now: Instant, inp: ClientInput, /) -> list[ClientOutput]:
        """Takes the time and one input; what comes out repeats no secret of the client."""
        return self._outlet.passed(super().step(now, inp))

    def _take(self, now: Instant, inp: ClientInput) -> list[ClientOutput]:
        outputs = self._command(now, inp) if isinstance(inp, Command) else self._network(now, inp)
        return outputs + self._settle(now)

    def _wake(self, now: Instant) -> list[ClientOutput]:
        outputs = self._on_calls(now, self._calls.wake(now))
        for part in list(self._parts):
            outputs += self._on_part(now, part, part.wake(now))
        return outputs + self._settle(now)

    def _command(self, now: Instant, command: Command) -> list[ClientOutput]:
        name, what = command.command, command.what
        if self._regions is not None and self._regions.old(self._settings.wall_at(now)):
            self._regions = None
        match what:
            case Connect():
                return self._connect(now, name, None)
            case ConnectWith(credentials):
                return self._connect(now, name, credentials)
            case Prepare():
                self._require_key()
                ended = self._end_upkeep(now)
                self._parts.append(preparation := Preparation(name, what, self._settings, self._regions))
                if self._current is not None:
                    preparation.end_upkeep()
                return ended + self._on_part(now, preparation, preparation.begin(now))
            case MintCredentials():
                return self._mint(now, name)
            case StartStream() | Interact() | EndStream():
                return self._control(now, name, what)
            case Call():
                return self._call(now, name, what)
            case WaitForJob() | WaitForRecording():
                return self._job(now, Polling(name, what, self._settings, self._entropy))
            case Download():
                return self._job(now, Transfer(name, what, self._settings, self._ids, self._entropy))
            case Disconnect():
                return self._disconnect(now, name)
            case Abandon(abandoned):
                self._until_released.append(name)
                return self._abandon(now, abandoned)
            case _:
                assert_never(what)

    def _network(self, now: Instant, inp: NetworkInput) -> list[ClientOutput]:
        match inp:
            case Wake():
                return []
            case Replied() | ExchangeFailed():
                return self._on_calls(now, self._calls.on_exchange(now, inp))
            case FetchOpened() | FetchedBytes() | FetchEnded() | FetchFailed():
                return self._on_fetch(now, inp)
            case SocketOpened() | SocketRefused() | SocketText() | SocketAnswered() | SocketClosed():
                for part in self._reserving():
                    if part.owns_socket(inp.socket):
                        return self._on_part(now, part, part.on_socket(now, inp))
                return []
            case _:
                for connection in self._connections():
                    if connection.owns_peer(inp.peer):
                        return self._on_part(now, connection, connection.on_media(now, inp))
                return []

    # --- commands -------------------------------------------------------------------------------

    def _connect(
        self, now: Instant, command: CommandId, credentials: ClientCredentials | None
    ) -> list[ClientOutput]:
        if self._current is not None and not self._current.over:
            return self._on_part(now, self._current, self._current.join(now, command))
        if credentials is None:
            self._require_key()
        current = self._current = Connection(
            command, self._settings, self._ids, self._entropy, self._regions, credentials
        )
        ended = self._end_upkeep(now)
        self._parts.append(current)
        return ended + self._on_part(now, current, current.begin(now))

    def _mint(self, now: Instant, command: CommandId) -> list[ClientOutput]:
        self._require_key()
        self._parts.append(minting := Minting(command, self._settings, self._ids, self._regions))
        return self._on_part(now, minting, minting.begin())

    def _control(
        self, now: Instant, command: CommandId, what: StartStream | Interact | EndStream
    ) -> list[ClientOutput]:
        if self._current is None:
            raise refused("not connected", "state.not_connected")
        return self._on_part(now, self._current, self._current.control(now, command, what))

    def _call(self, now: Instant, command: CommandId, call: Call) -> list[ClientOutput]:
        self._require_key()
        endpoint = ENDPOINTS.get(call.endpoint)
        if endpoint is None:
            raise refused(f"there is no endpoint {call.endpoint!r}", "call.unknown")
        # Encoded once for nothing, so that bad parameters are refused before anything is sent.
        try:
            endpoint.encode_request(self._settings.api_url, call.params)
        except (TypeError, AttributeError, ValueError) as error:
            text = f"{call.endpoint} cannot be called with a {type(call.params).__name__}"
            raise invalid(text, "call.invalid") from error
        within = seconds(self._settings.timeouts.call)
        self._app_calls.add(command)
        request = CallRequest(endpoint, call.params, self._settings.api_url, within, Phase.CALL)
        return self._on_calls(now, self._calls.start(now, command, request, partial(_ended, command)))

    def _job(self, now: Instant, job: Polling | Transfer) -> list[ClientOutput]:
        self._require_key()
        self._parts.append(job)
        return self._on_part(now, job, job.begin(now))

    def _disconnect(self, now: Instant, command: CommandId) -> list[ClientOutput]:
        self._until_released.append(command)
        ended, outputs = self._end_upkeep(now), list[ClientOutput]()
        for connection in self._connections():
            outputs += self._on_part(now, connection, connection.leave(now))
        if self.status is not ConnectionStatus.DISCONNECTED or not outputs:
            self.status = ConnectionStatus.DISCONNECTED
            outputs.append(Happened(StatusChanged(self.status)))
        return ended + outputs

    def _end_upkeep(self, now: Instant) -> list[ClientOutput]:
        prepared = [part for part in self._parts if isinstance(part, Preparation)]
        return [each for part in prepared for each in self._on_part(now, part, part.end_upkeep())]

    def _abandon(self, now: Instant, command: CommandId) -> list[ClientOutput]:
        if command in self._until_released:
            self._until_released.remove(command)
            return [Failed(command, ABANDONED)]
        if command in self._app_calls:
            self._app_calls.remove(command)
            return [*self._on_calls(now, self._calls.cancel(command)), Failed(command, ABANDONED)]
        for part in self._parts:
            outputs = part.abandon(now, command)
            if outputs is not None:
                return self._on_part(now, part, outputs)
        return []

    def _require_key(self) -> None:
        if not self._settings.api_key:
            text = "an API key is needed: pass api_key or set ODYSSEY_API_KEY"
            raise LocalProtocolError(Failure(FailureKind.AUTH_REFUSED, text, code="auth.no_key"))

    # --- what comes back ------------------------------------------------------------------------

    def _on_part(
        self, now: Instant, part: _Part, outputs: Iterable[ClientOutput | CallOrder | RegionsMeasured]
    ) -> list[ClientOutput]:
        """Makes the calls that a part wants, and passes the rest on."""
        passed: list[ClientOutput] = []
        for output in outputs:
            match output:
                case StartCall(name, request, wrap):
                    result_for = partial(_result_for, part, wrap)
                    passed += self._on_calls(now, self._calls.start(now, (part, name), request, result_for))
                case CancelCall(name):
                    passed += self._on_calls(now, self._calls.cancel((part, name)))
                case RegionsMeasured(regions):
                    self._regions = regions
                case Happened(StatusChanged(status)):
                    self.status = status
                    passed.append(output)
                case _:
                    passed.append(output)
        return passed

    def _on_fetch(self, now: Instant, inp: FetchInput) -> list[ClientOutput]:
        for part in self._parts:
            if isinstance(part, Transfer) and part.owns(inp.fetch):
                return self._on_part(now, part, part.on_fetch(now, inp))
        return []

    def _on_calls(self, now: Instant, outputs: Iterable[CallOutput[_CallResult]]) -> list[ClientOutput]:
        """Brings each result to the part or the command that the call was made for."""
        passed: list[ClientOutput] = []
        for output in outputs:
            match output:
                case CallEnded():
                    passed += self._on_result(now, output.result)
                case _:
                    passed.append(output)
        return passed

    def _on_result(self, now: Instant, result: _CallResult) -> list[ClientOutput]:
        match result:
            case _ResultFor(part):
                return self._on_part(now, part, part.on_result(now, result.result))
            case Completed() | Failed():
                self._app_calls.discard(result.command)
                return [result]
            case _:
                assert_never(result)

    def _settle(self, now: Instant) -> list[ClientOutput]:
        """Removes the parts that are over, and completes the commands that waited for that."""
        self._parts = [part for part in self._parts if not part.closed(now)]
        if self._current is not None and self._current.over:
            self._current = None
        if not self._until_released or any(part.releasing for part in self._reserving()):
            return []
        released, self._until_released = self._until_released, []
        return [Completed(command) for command in released]

    def _reserving(self) -> list[Connection | Minting]:
        return [part for part in self._parts if isinstance(part, Connection | Minting)]

    def _connections(self) -> list[Connection]:
        return [part for part in self._parts if isinstance(part, Connection)]


def _result_for(part: _Part, wrap: Callable[[Any], object], result: object) -> _ResultFor:
    return _ResultFor(part, wrap(result))


def _ended(command: CommandId, result: object) -> Completed | Failed:
    return Failed(command, result) if isinstance(result, Failure) else Completed(command, result)
