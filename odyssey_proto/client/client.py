"""The root of the client: commands in, everything to be done out; one session at a time."""

from collections.abc import Iterable
from typing import assert_never

from odyssey_proto.client.connecting.allocation import Latencies
from odyssey_proto.client.connecting.credentials import Minting
from odyssey_proto.client.jobs.polling import Polling, PollingOutput
from odyssey_proto.client.jobs.transfer import Transfer, TransferOutput
from odyssey_proto.client.rest.call_requests import CallFor, CallKey, CallOff, JobTag
from odyssey_proto.client.rest.calls import Answered, Ask, CallOutput, Calls
from odyssey_proto.client.rest.ids import Names
from odyssey_proto.client.session import Session, SessionOutput, SessionPhase
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Deadline, Instant, RootMachine, earliest, seconds
from odyssey_proto.messages import ENDPOINTS
from odyssey_proto.model.capabilities import StreamerCapabilities
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.events import StatusChanged
from odyssey_proto.model.status import ConnectionStatus
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
    StartStream,
    WaitForJob,
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
    SocketClosed,
    SocketOpened,
    SocketRefused,
    SocketText,
    Wake,
)
from odyssey_proto.seam.outputs import ClientOutput, Completed, Failed, Happened
from odyssey_proto.seam.settings import Settings

type ClientInput = NetworkInput | Command


class Client(RootMachine[ClientInput, ClientOutput]):
    """
    The whole client as one machine: `step` with the time and one input, then obey the outputs.

    Every command that was accepted ends in exactly one `Completed` or `Failed`.
    A session that is left goes on in the background just long enough to say goodbye, so that the
    next one can begin at once.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._names = Names()
        authenticate = seconds(settings.timeouts.authenticate)
        self._entropy = Entropy(settings.seed)
        self._calls: Calls[CallKey] = Calls(
            settings.api_url, settings.api_key, authenticate, self._names, self._entropy
        )
        self._sessions: dict[int, Session] = {}
        self._mintings: dict[int, Minting] = {}
        self._jobs: dict[int, Polling | Transfer] = {}
        self._current: Session | None = None
        self._latencies: Latencies | None = None
        self._leaving: list[CommandId] = []
        self._plain: set[CommandId] = set()
        self._owners = 0
        self.status = ConnectionStatus.DISCONNECTED

    # --- what it is -----------------------------------------------------------------------------

    @property
    def session_id(self) -> str | None:
        """The service's name for the present session."""
        return self._current.session_id if self._current is not None else None

    @property
    def capabilities(self) -> StreamerCapabilities | None:
        """What the present session's streamer can do."""
        granted = self._current is not None and self._current.session_id is not None
        return self._current.capabilities if granted and self._current is not None else None

    @property
    def last_applied_prompt(self) -> str | None:
        """The prompt that the picture shows now, as far as the service said."""
        return self._current.last_applied_prompt if self._current is not None else None

    @property
    def phases(self) -> tuple[SessionPhase, ...]:
        """The phase of every session that is not over, those that still say goodbye included."""
        return tuple(session.phase for session in self._sessions.values())

    @property
    def calls(self) -> int:
        """How many REST calls of the application wait."""
        return len(self._plain)

    @property
    def jobs(self) -> int:
        """How many waits for jobs and downloads go on."""
        return len(self._jobs)

    @property
    def deadline(self) -> Deadline | None:
        """The earliest deadline of anything under way."""
        sessions = (session.deadline for session in self._sessions.values())
        mintings = (minting.deadline for minting in self._mintings.values())
        jobs = (job.deadline for job in self._jobs.values())
        return earliest(self._calls.deadline, *sessions, *mintings, *jobs)

    def __repr__(self) -> str:
        return f"<Client {self.status.value} session={self.session_id} calls={self.calls}>"

    # --- the step -------------------------------------------------------------------------------

    def _take(self, now: Instant, inp: ClientInput) -> list[ClientOutput]:
        outputs = self._command(now, inp) if isinstance(inp, Command) else self._network(now, inp)
        return outputs + self._settle()

    def _wake(self, now: Instant) -> list[ClientOutput]:
        outputs = self._called(now, self._calls.wake(now))
        for owner, asker in [*self._askers(), *self._jobs.items()]:
            outputs += self._carry(now, owner, asker.wake(now))
        return outputs + self._settle()

    def _command(self, now: Instant, command: Command) -> list[ClientOutput]:
        name, what = command.command, command.what
        match what:
            case Connect():
                return self._connect(now, name, None)
            case ConnectWith(credentials):
                return self._connect(now, name, credentials)
            case MintCredentials():
                return self._mint(now, name)
            case StartStream() | Interact() | EndStream():
                return self._control(now, name, what)
            case Call():
                return self._call(now, name, what)
            case WaitForJob():
                return self._job(now, Polling(name, what, self._settings, self._entropy))
            case Download():
                return self._job(now, Transfer(name, what, self._settings, self._names, self._entropy))
            case Disconnect():
                return self._disconnect(now, name)
            case Abandon(abandoned):
                return [*self._abandon(now, abandoned), Completed(name)]
            case _:
                assert_never(what)

    def _network(self, now: Instant, inp: NetworkInput) -> list[ClientOutput]:
        match inp:
            case Wake():
                return []
            case Replied() | ExchangeFailed():
                return self._replied(now, inp)
            case FetchOpened() | FetchedBytes() | FetchEnded() | FetchFailed():
                return self._fetched(now, inp)
            case SocketOpened() | SocketRefused() | SocketText() | SocketClosed():
                for owner, session in self._sessions.items():
                    if session.owns_socket(inp.socket):
                        return self._carry(now, owner, session.on_socket(now, inp))
                return []
            case _:
                for owner, session in self._sessions.items():
                    if session.owns_peer(inp.peer):
                        return self._carry(now, owner, session.on_media(now, inp))
                return []

    # --- commands -------------------------------------------------------------------------------

    def _connect(
        self, now: Instant, command: CommandId, credentials: ClientCredentials | None
    ) -> list[ClientOutput]:
        if self._current is not None and not self._current.over:
            if self._current.established:
                return [Completed(command)]
            raise _refused("already connecting", "state.connecting")
        if credentials is None:
            self._require_key()
        session = Session(command, self._settings, self._names, self._latencies)
        owner = self._own()
        self._sessions[owner] = self._current = session
        return self._carry(now, owner, session.begin(now, credentials))

    def _mint(self, now: Instant, command: CommandId) -> list[ClientOutput]:
        self._require_key()
        minting = Minting(command, self._settings, self._names, self._latencies)
        owner = self._own()
        self._mintings[owner] = minting
        return self._carry(now, owner, minting.begin())

    def _control(
        self, now: Instant, command: CommandId, what: StartStream | Interact | EndStream
    ) -> list[ClientOutput]:
        for owner, session in self._sessions.items():
            if session is self._current:
                return self._carry(now, owner, session.control(now, command, what))
        raise _refused("not connected", "state.not_connected")

    def _call(self, now: Instant, command: CommandId, call: Call) -> list[ClientOutput]:
        self._require_key()
        endpoint = ENDPOINTS.get(call.endpoint)
        if endpoint is None:
            raise _refused(f"there is no endpoint {call.endpoint!r}", "call.unknown")
        # Asked once for nothing, so that bad parameters are refused before anything is sent.
        try:
            endpoint.encode_request(self._settings.api_url, call.params)
        except (TypeError, AttributeError, ValueError) as error:
            text = f"{call.endpoint} cannot be called with a {type(call.params).__name__}"
            raise LocalProtocolError(text, Failure(FailureKind.INVALID, text, code="call.invalid")) from error
        within = seconds(self._settings.timeouts.call)
        self._plain.add(command)
        ask = Ask(endpoint, call.params, self._settings.api_url, within, Phase.CALL)
        return self._called(now, self._calls.ask(now, command, ask))

    def _job(self, now: Instant, job: Polling | Transfer) -> list[ClientOutput]:
        self._require_key()
        owner = self._own()
        self._jobs[owner] = job
        return self._carry(now, owner, job.begin(now))

    def _disconnect(self, now: Instant, command: CommandId) -> list[ClientOutput]:
        self._leaving.append(command)
        outputs: list[ClientOutput] = []
        for owner, session in list(self._sessions.items()):
            outputs += self._carry(now, owner, session.leave(now))
        if self.status is not ConnectionStatus.DISCONNECTED or not outputs:
            outputs += self._note([Happened(StatusChanged(ConnectionStatus.DISCONNECTED))])
        return outputs

    def _abandon(self, now: Instant, command: CommandId) -> list[ClientOutput]:
        gone = Failure(FailureKind.ABANDONED, "the caller was cancelled")
        if command in self._leaving:
            self._leaving.remove(command)
            return [Failed(command, gone)]
        if command in self._plain:
            self._plain.remove(command)
            return [*self._called(now, self._calls.cancel(command)), Failed(command, gone)]
        stoppable: list[tuple[int, Minting | Polling | Transfer]]
        stoppable = [*self._mintings.items(), *self._jobs.items()]
        for owner, asker in stoppable:
            if asker.command == command:
                return self._carry(now, owner, asker.stop(gone))
        for owner, session in list(self._sessions.items()):
            outputs = session.abandon(now, command)
            if outputs is not None:
                return self._carry(now, owner, outputs)
        return []

    def _require_key(self) -> None:
        if not self._settings.api_key:
            text = "an API key is needed: pass api_key or set ODYSSEY_API_KEY"
            raise LocalProtocolError(text, Failure(FailureKind.AUTH_REFUSED, text, code="auth.no_key"))

    # --- what comes back ------------------------------------------------------------------------

    def _replied(self, now: Instant, inp: Replied | ExchangeFailed) -> list[ClientOutput]:
        called = self._calls.on_exchange(now, inp)
        if called is not None:
            return self._called(now, called)
        for owner, asker in self._askers():
            outputs = asker.on_exchange(now, inp)
            if outputs is not None:
                return self._carry(now, owner, outputs)
        return []

    def _fetched(self, now: Instant, inp: FetchInput) -> list[ClientOutput]:
        for owner, job in self._jobs.items():
            if isinstance(job, Transfer) and job.owns(inp.fetch):
                return self._carry(now, owner, job.on_fetch(now, inp))
        return []

    def _carry(
        self, now: Instant, owner: int, lines: Iterable[SessionOutput | PollingOutput | TransferOutput]
    ) -> list[ClientOutput]:
        """Translates what a session, a minting, a job wait or a download wants."""
        outputs: list[ClientOutput] = []
        for line in lines:
            match line:
                case CallFor(tag, ask):
                    outputs += self._called(now, self._calls.ask(now, (owner, tag), ask))
                case CallOff(tag):
                    outputs += self._called(now, self._calls.cancel((owner, tag)))
                case _:
                    outputs += self._note([line])
        return outputs

    def _called(self, now: Instant, lines: Iterable[CallOutput[CallKey]]) -> list[ClientOutput]:
        """Hands results to whoever asked."""
        outputs: list[ClientOutput] = []
        for line in lines:
            match line:
                case Answered(key, result):
                    outputs += self._answered(now, key, result)
                case _:
                    outputs.append(line)
        return outputs

    def _answered(self, now: Instant, key: CallKey, result: object) -> list[ClientOutput]:
        match key:
            case (owner, JobTag()):
                job = self._jobs.get(owner)
                return [] if job is None else self._carry(now, owner, job.on_result(now, result))
            case (owner, tag):
                asker: Session | Minting | None = self._sessions.get(owner) or self._mintings.get(owner)
                return [] if asker is None else self._carry(now, owner, asker.on_result(now, tag, result))
            case command:
                self._plain.discard(command)
                return [
                    Failed(command, result) if isinstance(result, Failure) else Completed(command, result)
                ]

    def _note(self, lines: Iterable[ClientOutput]) -> list[ClientOutput]:
        """Keeps the status that was announced last."""
        noted = list(lines)
        for line in noted:
            if isinstance(line, Happened) and isinstance(line.event, StatusChanged):
                self.status = line.event.status
        return noted

    def _settle(self) -> list[ClientOutput]:
        """Lets go of what is over, and releases who waited for that."""
        for owner, session in list(self._sessions.items()):
            self._latencies = session.latencies if self._latencies is None else self._latencies
            if session.phase is SessionPhase.CLOSED:
                del self._sessions[owner]
            if session.over and session is self._current:
                self._current = None
        for owner, minting in list(self._mintings.items()):
            self._latencies = minting.latencies if self._latencies is None else self._latencies
            if minting.done:
                del self._mintings[owner]
        self._jobs = {owner: job for owner, job in self._jobs.items() if not job.done}
        if any(session.over for session in self._sessions.values()):
            return []
        released, self._leaving = self._leaving, []
        return [Completed(command) for command in released]

    def _askers(self) -> list[tuple[int, Session | Minting]]:
        return [*self._sessions.items(), *self._mintings.items()]

    def _own(self) -> int:
        self._owners += 1
        return self._owners


def _refused(text: str, code: str) -> LocalProtocolError:
    return LocalProtocolError(text, Failure(FailureKind.STATE, text, code=code))
