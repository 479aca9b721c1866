"""When to look again at what is waited for, and when to stop: at the service's pace, or ours with jitter."""

from typing import Any, Literal, assert_never

from odyssey_proto.client.jobs.watched import Wait, watched
from odyssey_proto.client.rest.call_requests import CallOrder, CallRequest, CancelCall, StartCall
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import ABANDONED, Failure, FailureKind, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, millis, seconds
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.outputs import Completed, Failed, Progressed
from odyssey_proto.seam.settings import Settings

JITTER_DIVISOR = 10
"""Jitter adds up to one part in so many, which keeps clients apart that began together."""

MAX_FAILED_LOOKS = 8
"""How many looks in a row may fail before waiting is given up."""

MAX_BACKOFF = seconds(60)
"""The longest pause of our own after looks that failed."""

MAX_RETRY_AFTER = seconds(600)
"""The longest pause that the service may ask for."""

MIN_PAUSE = millis(100)
"""The shortest pause, whoever asks: nothing becomes a busy loop."""

TOO_MANY_REQUESTS = 429
"""RFC 6585 section 4."""


LOOK = "look"
"""The name of the one call that it makes."""

type _Timer = Literal[ClientTimer.JOB_TIMEOUT, ClientTimer.JOB_POLL]
type PollingOutput = CallOrder | Progressed | Completed | Failed


class Polling:
    """
    Carries one `WaitForJob` or `WaitForRecording` to its end.

    There are never two looks at once.
    A look that failed in a way that may pass is made again, less often each time.
    """

    def __init__(self, command: CommandId, what: Wait, settings: Settings, entropy: Entropy) -> None:
        self.command = command
        self.done: bool = False
        self._what = what
        self._watched = watched(what)
        self._settings = settings
        self._entropy = entropy
        self._timers: Timers[_Timer] = Timers()
        self._failed_looks = 0
        self._failed: Failure | None = None
        """How the last look failed, if it did."""
        self._until_known: Instant = Instant(0)
        """Until then it may be unknown to the service."""
        self._seen: Any = None
        """What was seen last."""

    def __repr__(self) -> str:
        it, seen = self._watched, "" if self._seen is None else " seen"
        return f"<Polling {it.phase.value} {it.id}{seen}{', over' if self.done else ''}>"

    @property
    def deadline(self) -> Deadline | None:
        """The next look, or the end of all patience."""
        return self._timers.deadline

    def begin(self, now: Instant) -> list[PollingOutput]:
        """Looks for the first time."""
        self._until_known = after(now, self._watched.unknown)
        if self._what.timeout is not None:
            self._timers.set(ClientTimer.JOB_TIMEOUT, after(now, self._what.timeout))
        return [self._look()]

    def on_result(self, now: Instant, result: Any) -> list[PollingOutput]:
        """Takes what came of a look: the result of its call, or a failure."""
        if isinstance(result, Failure):
            return self._on_failed_look(now, result)
        seen = self._watched.seen(result)
        changed = seen.value != self._seen
        outputs: list[PollingOutput] = [Progressed(self.command, seen.value)] if changed else []
        self._seen = seen.value
        self._failed_looks, self._failed = 0, None
        if seen.end is not None:
            return outputs + self._end(seen.end)
        self._pause(now, self._what.every if seen.pace is None else min(seen.pace, MAX_RETRY_AFTER))
        return outputs

    def wake(self, now: Instant) -> list[PollingOutput]:
        """Carries out whatever is due."""
        outputs: list[PollingOutput] = []
        while (due := self._timers.due(now)) is not None:
            match due:
                case ClientTimer.JOB_TIMEOUT:
                    late = timed_out(self._watched.phase, (self._watched.missing,), before=self._failed)
                    outputs += self.stop(late)
                case ClientTimer.JOB_POLL:
                    outputs.append(self._look())
                case _:
                    assert_never(due)
        return outputs

    def abandon(self, now: Instant, command: CommandId) -> list[PollingOutput] | None:
        """Ends the command if its caller is gone; `None` if it is another command."""
        return self.stop(ABANDONED) if command == self.command else None

    def closed(self, now: Instant) -> bool:
        """Tells whether there is nothing more to do."""
        return self.done

    def stop(self, failure: Failure) -> list[PollingOutput]:
        """Gives up; what is waited for goes on."""
        return [CancelCall(LOOK), *self._end(failure)]

    def _look(self) -> CallOrder:
        within = seconds(self._settings.timeouts.call)
        it, api_url = self._watched, self._settings.api_url
        return StartCall(LOOK, CallRequest(it.endpoint, it.id, api_url, within, Phase.CALL))

    def _on_failed_look(self, now: Instant, failure: Failure) -> list[PollingOutput]:
        self._failed = failure
        if failure.kind is FailureKind.NOT_FOUND and now < self._until_known:
            self._pause(now, self._what.every)
            return []
        self._failed_looks += 1
        # A look costs nothing, so status 429 ends no waiting, whatever limit it means.
        passes = failure.retryable or failure.status == TOO_MANY_REQUESTS
        if not passes or self._failed_looks >= MAX_FAILED_LOOKS:
            return self._end(failure)
        every = self._what.every
        backoff = max(every, min(every << self._failed_looks, MAX_BACKOFF))
        self._pause(now, max(backoff, min(failure.retry_after or 0, MAX_RETRY_AFTER)))
        return []

    def _pause(self, now: Instant, pause: int) -> None:
        pause = max(pause, MIN_PAUSE)
        jitter = self._entropy.span(Span(pause // JITTER_DIVISOR))
        self._timers.set(ClientTimer.JOB_POLL, after(now, Span(pause + jitter)))

    def _end(self, result: Any) -> list[PollingOutput]:
        self.done = True
        self._timers.clear()
        if isinstance(result, Failure):
            return [Failed(self.command, result)]
        return [Completed(self.command, result)]
