"""
What becomes of a connection whose session is lost: when the next is tried for, and what it has to show.

| state | what goes on | then |
|---|---|---|
| `IDLE` | a session is in use | it is lost: `WAITING`, or the loss is final; a limit is near: `RENEWING` |
| `WAITING` | the pause before an attempt, while the lost session is given back | `RESTORING` |
| `RESTORING` | a new session comes up, and its stream | it shows: `IDLE`; it is lost: as in `IDLE` |
| `RENEWING` | the same, while one is in use | it shows or is lost: `IDLE`; the other is lost: `RESTORING` |

This decides and owns no session: it returns what the application is to know, and orders for the connection
(`BeginSession` and those that follow), which carries them out on the session that comes up (`coming`), or
else on the one in use.
A loss is final without a policy, when no further attempt can change it, and after one attempt too many; for
a final one `None` is returned.

What the application wants is known by `DesiredStream`, how far the new session has come by `Successor`, and
how many attempts are left by `Attempts`.
"""

from enum import Enum, unique
from typing import Literal

from attrs import evolve, frozen

from odyssey_proto.client.live import notices
from odyssey_proto.client.live.stream import StreamCommand
from odyssey_proto.client.recovery.attempts import Attempts
from odyssey_proto.client.recovery.desired import DesiredStream
from odyssey_proto.client.recovery.successor import Successor, SuccessorState
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import ABANDONED, Failure, FailureKind, LocalProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, earliest, seconds
from odyssey_proto.model import events
from odyssey_proto.model.config import ReconnectPolicy
from odyssey_proto.model.events import ConnectionStatus, Event
from odyssey_proto.seam.commands import RESTART, CommandId, EndStream, Interact
from odyssey_proto.seam.outputs import AppOutput, Completed, Failed, Happened

SESSION_LOST = "session_lost"
"""The reason of the error of a stream whose session was lost, and which is not started again."""


@unique
class RecoveryState(Enum):
    """Where a recovery stands."""

    IDLE = "idle"
    WAITING = "waiting"
    RESTORING = "restoring"
    RENEWING = "renewing"


@frozen
class BeginSession:
    """Bring up a new session."""


@frozen
class ControlSession:
    """Give the session a command; if something forbids it, it has ended (`Recovery.ended`)."""

    command: CommandId
    what: StreamCommand


@frozen
class LeaveSession:
    """Give up the session that comes up."""

    failure: Failure


@frozen
class ShowSession:
    """Readers get the frames of the session that comes up."""


@frozen
class TakeOver:
    """The session that came up is the one in use from now on, and the one before is left."""


@frozen
class _Loss:
    """A loss that is being mended."""

    failure: Failure
    since: Instant
    """When the last picture was reported, or else the loss itself."""
    lost_prompts: tuple[str, ...]


_NO_ATTEMPTS = ReconnectPolicy(per_loss=0)
_ENDED_EARLY = Failure(FailureKind.STREAM_ENDED, "the stream ended before it showed", code="stream.ended")

type RecoveryOutput = AppOutput | BeginSession | ControlSession | LeaveSession | ShowSession | TakeOver


class Recovery:
    """Replaces the lost sessions of one connection, under a policy; without one it replaces none."""

    def __init__(self, policy: ReconnectPolicy | None, entropy: Entropy) -> None:
        self._policy = policy or _NO_ATTEMPTS
        self._attempts = Attempts(self._policy, entropy, self._policy.per_session)
        self._renewals = Attempts(self._policy, entropy)
        self._renewals.begin(1)
        self._renewable_from: Instant | None = Instant(0)
        """When a renewal may begin; `None`: the session in use is not renewed any more."""
        self._desired = DesiredStream()
        self._successor: Successor | None = None
        self._loss: _Loss | None = None
        self._joined: list[CommandId] = []
        self._interrupted = False
        """Whether nothing comes in the session in use, which may pass."""
        self._received = 0
        self._last_picture: Instant | None = None
        self._timers: Timers[Literal[ClientTimer.RECONNECT]] = Timers()
        self.state: RecoveryState = RecoveryState.IDLE

    @property
    def last_applied_prompt(self) -> str | None:
        """The prompt that will be shown again."""
        return None if self._desired.start is None else self._desired.start.prompt

    # --- commands -------------------------------------------------------------------------------

    def join(self, command: CommandId) -> list[RecoveryOutput]:
        """Takes a further connect, which ends when there is a session in use."""
        if self._loss is None:
            return [Completed(command)]
        self._joined.append(command)
        return []

    def given(self, command: CommandId, what: StreamCommand) -> None:
        """The session in use accepted a command."""
        self._desired.give(command, what)

    def queue(self, command: CommandId, what: StreamCommand) -> list[RecoveryOutput]:
        """
        Has a command wait for a session while none is in use.

        Raises `LocalProtocolError` if the policy is to refuse it, or the state of the stream forbids it.
        """
        if self._loss is not None and not self._policy.carry_over:
            lost = self._loss.failure
            text = "the session was lost, and is being replaced"
            refusal = Failure(lost.kind, text, code="state.reconnecting")
            raise LocalProtocolError(refusal.caused_by(lost))
        self._desired.queue(command, what)
        return [*self._desired.settle_ends()]

    def runs_for(self, command: CommandId) -> bool:
        """Tells whether the stream that runs is that of this start, perhaps started again since."""
        return self._desired.runs_for(command)

    def abandon(self, command: CommandId) -> list[RecoveryOutput] | None:
        """Ends a command whose caller is gone; `None` if it does not wait here."""
        if command in self._joined:
            self._joined.remove(command)
            return [Failed(command, ABANDONED)]
        waited = self._desired.abandon(command)
        return [Failed(command, ABANDONED)] if waited and self._loss is not None else None

    # --- what becomes of a session --------------------------------------------------------------

    def lost(self, now: Instant, failure: Failure) -> list[RecoveryOutput] | None:
        """The session in use was lost; `None` if that is final."""
        renewing, successor = self.state is RecoveryState.RENEWING, self._successor
        self._attempts.begin()
        pause = self._attempts.next(failure)
        if pause is None:
            return None
        desired, streamed = self._desired, self._desired.start is not None
        kept = self._policy.restart_stream or not streamed
        carried = kept and self._policy.carry_over
        since = self._last_picture if streamed else None
        settled: list[RecoveryOutput] = [] if kept else self._stream_lost(SESSION_LOST, failure)
        settled += desired.settle_ends()
        settled += desired.fail_given_twice(failure)
        self._loss = _Loss(failure, now if since is None else since, () if carried else desired.prompts)
        settled += [] if carried else desired.fail_all(failure)
        if renewing and successor is not None:
            return [*self._promote(failure, successor), *settled]
        return [*self._wait(now, failure, pause), *settled]

    def attempt_failed(self, now: Instant, failure: Failure) -> list[RecoveryOutput] | None:
        """The session that came up is lost; `None` if that is final."""
        if self.state is RecoveryState.RENEWING:
            return self._not_renewed(now, failure)
        pause = self._attempts.next(failure)
        return None if pause is None else self._wait(now, failure, pause)

    def give_up(self, failure: Failure, *, chained: bool) -> tuple[Failure, list[Completed | Failed]]:
        """
        The connection is over; returns why, and the ends of the commands that wait here.

        `chained` tells whether the reason is to name the loss that it began with.
        """
        loss, self._loss, self._successor = self._loss, None, None
        self._timers.clear()
        self.state = RecoveryState.IDLE
        if loss is None:
            return failure, []
        if chained:
            failure = failure.caused_by(loss.failure)
        joined, self._joined = self._joined, []
        return failure, [*(Failed(command, failure) for command in joined), *self._desired.fail_all(failure)]

    def settle(self, now: Instant, *, free: bool) -> list[RecoveryOutput]:
        """
        Begins the next attempt after its pause, and has a new session follow what the application wants.

        `free` tells whether the session before is given back.
        """
        if self.state is RecoveryState.WAITING and free and not self._timers.armed(ClientTimer.RECONNECT):
            return self._begin(RecoveryState.RESTORING)
        successor, wanted = self._successor, self._desired.start
        if successor is None or successor.start is None or successor.start == wanted:
            return []
        if wanted is None:
            return self._without_stream(now)
        if successor.state is not SuccessorState.AWAITING_PICTURE or not wanted.prompt.strip():
            return []
        successor.steered(wanted)
        return [ControlSession(RESTART, Interact(wanted.prompt))]

    # --- what a session reports -----------------------------------------------------------------

    def connected(self, now: Instant, session_id: str) -> list[RecoveryOutput]:
        """The session that comes up is ready, for the first time or again."""
        assert self._successor is not None, "a session comes up for somebody"
        start = self._successor.connected(session_id, self._desired.start)
        return self._take_over(now) if start is None else [ControlSession(RESTART, start)]

    def counted(self, now: Instant, received: int, *, coming: bool) -> list[RecoveryOutput]:
        """So many frames of a session were decoded."""
        if self._successor is not None and coming:
            self._successor.counted(received)
            return self._take_over(now)
        if received != self._received:
            self._received, self._last_picture = received, now
        return []

    def happened(self, now: Instant, event: Event, *, coming: bool) -> list[RecoveryOutput]:
        """Something happened in a session."""
        successor = self._successor
        if successor is None or not coming:
            if isinstance(event, events.StatusChanged):
                self._interrupted = event.status is ConnectionStatus.RECONNECTING
            self._desired.on_event(event)
            return [Happened(event)]
        failed = isinstance(event, events.StreamFailed) and successor.state is SuccessorState.STARTING
        if failed or isinstance(event, events.StatusChanged | events.InteractAcknowledged):
            # A start that fails is judged when it ends; the status is that of the connection; and a prompt
            # that was given to both sessions is acknowledged by the one in use.
            return []
        if successor.spare:
            over = isinstance(event, events.StreamEnded | events.StreamFailed)
            successor.hold(Happened(event))
            return [LeaveSession(_ENDED_EARLY)] if over and successor.start is not None else []
        if not isinstance(event, events.StreamStarted):
            self._desired.on_event(event)
        return [Happened(event)]

    def ended(self, now: Instant, end: Completed | Failed, *, coming: bool) -> list[RecoveryOutput]:
        """A command has ended in a session: one of the application, or our own."""
        if end.command != RESTART:
            self._desired.on_end(end)
            return [end]
        successor = self._successor
        if successor is None or not coming or successor.state is not SuccessorState.STARTING:
            return []
        if isinstance(end, Completed):
            successor.started(now, end.result)
            return []
        if end.failure.retryable or successor.spare:
            return [LeaveSession(end.failure)]
        assert self._loss is not None, "a stream is started again after a loss"
        self._loss = evolve(self._loss, lost_prompts=self._desired.prompts)
        lost = self._stream_lost(end.failure.name, end.failure)
        successor.without_stream()
        return [*lost, *self._desired.fail_all(end.failure), *self._take_over(now)]

    # --- time -----------------------------------------------------------------------------------

    def wake(self, now: Instant) -> list[RecoveryOutput]:
        """Carries out whatever is due."""
        self._timers.due(now)
        late = None if self._successor is None else self._successor.wake(now)
        return [] if late is None else [LeaveSession(late)]

    @property
    def deadline(self) -> Deadline | None:
        """The next attempt, or when a picture is overdue."""
        return earliest(self._timers.deadline, self._successor.deadline if self._successor else None)

    def renewal(self, ends: Instant | None) -> Deadline | None:
        """Returns when the session in use is renewed, if a limit of time ends it at `ends`."""
        before, earliest_at = self._policy.renew_before, self._renewable_from
        if self.state is not RecoveryState.IDLE or before is None or earliest_at is None or ends is None:
            return None
        return Deadline(max(earliest_at, Instant(ends - seconds(before))), ClientTimer.RENEWAL)

    def renew(self) -> list[RecoveryOutput]:
        """Begins to renew the session in use."""
        return self._begin(RecoveryState.RENEWING)

    # --- moves ----------------------------------------------------------------------------------

    def _wait(self, now: Instant, failure: Failure, pause: Span) -> list[RecoveryOutput]:
        self.state = RecoveryState.WAITING
        self._successor = None
        self._timers.set(ClientTimer.RECONNECT, after(now, pause))
        attempt, delay = self._attempts.count, pause / 1_000_000
        text = f"Reconnecting, attempt {attempt} in {delay:.1f} s: {failure.message}"
        reconnecting = events.Reconnecting(failure, attempt, delay)
        return [notices.status(ConnectionStatus.RECONNECTING, text), Happened(reconnecting)]

    def _begin(self, state: RecoveryState) -> list[RecoveryOutput]:
        self.state = state
        self._successor = Successor(spare=state is RecoveryState.RENEWING)
        return [BeginSession()]

    def _promote(self, failure: Failure, successor: Successor) -> list[RecoveryOutput]:
        """The session in use was lost while its successor came up: that is the first attempt."""
        self.state = RecoveryState.RESTORING
        successor.spare = False
        held, successor.held = successor.held, []
        text = f"Reconnecting: {failure.message}"
        reconnecting = events.Reconnecting(failure, self._attempts.count, 0.0)
        status = notices.status(ConnectionStatus.RECONNECTING, text)
        return [status, Happened(reconnecting), ShowSession(), *held]

    def _not_renewed(self, now: Instant, failure: Failure) -> list[RecoveryOutput]:
        """The session in use stays; it may be renewed after a pause."""
        self.state = RecoveryState.IDLE
        self._successor = None
        pause = self._renewals.next(failure)
        self._renewable_from = None if pause is None else after(now, pause)
        return [notices.warning(failure)]

    def _stream_lost(self, reason: str, failure: Failure) -> list[RecoveryOutput]:
        self._desired.start = None
        return [Happened(events.StreamFailed(reason, failure.message, failure, ends=True))]

    def _without_stream(self, now: Instant) -> list[RecoveryOutput]:
        """Leaves out the stream of the new session, which is not wanted any more."""
        assert self._successor is not None, "a stream is left out where one was begun"
        self._successor.without_stream()
        return [ControlSession(RESTART, EndStream()), *self._take_over(now)]

    def _take_over(self, now: Instant) -> list[RecoveryOutput]:
        """Puts the new session into use, if it is ready."""
        successor, loss = self._successor, self._loss
        if successor is None or not successor.ready:
            return []
        self.state = RecoveryState.IDLE
        self._successor = self._loss = None
        self._last_picture = now
        self._renewals.begin(1)
        self._renewable_from = now
        name, stream_id = successor.session_id, successor.stream_id
        connected = notices.status(ConnectionStatus.CONNECTED)
        if loss is None:
            shown: list[RecoveryOutput] = [connected] if self._interrupted else []
            shown += [*successor.held, Happened(events.Renewed(name, stream_id))]
        else:
            lasted = (now - loss.since) / 1_000_000
            restored = events.Restored(name, stream_id, self._attempts.count, lasted, loss.lost_prompts)
            shown = [connected, Happened(restored)]
        self._interrupted = False
        joined, self._joined = self._joined, []
        return [
            TakeOver(),
            *shown,
            *(Completed(command) for command in joined),
            *self._desired.settle_ends(),
            *(ControlSession(command, what) for command, what in self._desired.give_again()),
        ]
