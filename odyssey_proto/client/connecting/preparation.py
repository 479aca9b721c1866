"""What can be had before anybody asks for a session: the access token, the region map, open connections."""

from collections.abc import Iterable
from typing import Literal

from odyssey_proto.client.connecting.calls import SessionCall
from odyssey_proto.client.connecting.reservation import (
    RegionsMeasured,
    Reservation,
    ReservationFailed,
    ReservationOutput,
    connections_ahead,
)
from odyssey_proto.client.connecting.upkeep import KeepAlivePingEnded, Upkeep, UpkeepResult
from odyssey_proto.client.rest.call_requests import CallOrder, CancelCall, StartCall
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import ABANDONED, Failure, Phase, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after, earliest
from odyssey_proto.model.access import RegionMap
from odyssey_proto.seam.commands import CommandId, Prepare
from odyssey_proto.seam.outputs import Completed, Failed, Preconnect
from odyssey_proto.seam.settings import Settings

type PreparationOutput = CallOrder | RegionsMeasured | Preconnect | Completed | Failed


class Preparation:
    """
    Carries one `Prepare` to its end: the way of a reservation up to the request for a streamer.

    What it learns the client keeps; nothing is reserved, so nothing has to be given back.
    If it is to be kept fresh, that goes on when the command is over.
    """

    def __init__(
        self, command: CommandId, what: Prepare, settings: Settings, known: RegionMap | None
    ) -> None:
        self._command = command
        self._what = what
        self._settings = settings
        self._regions = known
        self._reservation = Reservation(settings, known)
        self._timers: Timers[Literal[ClientTimer.PREPARATION_TIMEOUT]] = Timers()
        self._over = False
        self._keep = what.keep
        self._upkeep: Upkeep | None = None

    @property
    def deadline(self) -> Deadline | None:
        """The end of the pings, that of its time, or the next time that it looks after what it got."""
        if self._upkeep is not None:
            return self._upkeep.deadline
        return None if self._over else earliest(self._reservation.deadline, self._timers.deadline)

    def closed(self, now: Instant) -> bool:
        """Tells whether there is nothing more to do."""
        return self._over if self._upkeep is None else self._upkeep.over

    def begin(self, now: Instant) -> list[PreparationOutput]:
        """Begins with the API key."""
        self._timers.set(ClientTimer.PREPARATION_TIMEOUT, after(now, self._what.within))
        return [Preconnect(self._settings.api_url), *self._on_reservation(now, self._reservation.begin())]

    def abandon(self, now: Instant, command: CommandId) -> list[PreparationOutput] | None:
        """Ends the command if its caller is gone; `None` if it is another command."""
        return self._fail(ABANDONED) if command == self._command and not self._over else None

    def end_upkeep(self) -> list[CancelCall]:
        """Keeps nothing fresh, now or later; a command that goes on does go on."""
        self._keep = Span(0)
        return [] if self._upkeep is None else self._upkeep.end()

    def on_result(self, now: Instant, result: UpkeepResult) -> list[PreparationOutput]:
        """Takes the result of a call."""
        if self._upkeep is not None:
            return [*self._upkeep.on_result(now, result)]
        assert not isinstance(result, KeepAlivePingEnded), "only the upkeep asks for that"
        return self._on_reservation(now, self._reservation.on_result(now, result))

    def wake(self, now: Instant) -> list[PreparationOutput]:
        """Carries out whatever is due."""
        if self._upkeep is not None:
            return [*self._upkeep.wake(now)]
        outputs = self._on_reservation(now, self._reservation.wake(now))
        if self._over or self._timers.due(now) is None:
            return outputs
        return [*outputs, *self._fail(timed_out(Phase.PREPARE, ("access token and regions",)))]

    def _on_reservation(self, now: Instant, outputs: Iterable[ReservationOutput]) -> list[PreparationOutput]:
        passed: list[PreparationOutput] = []
        for output in outputs:
            match output:
                case StartCall(SessionCall.SESSION_REQUEST):
                    passed += self._complete(now)
                case ReservationFailed(failure):
                    passed += self._fail(failure)
                case RegionsMeasured(regions):
                    self._regions = regions
                    passed.append(output)
                case _:
                    # A streamer is never asked for, so none is granted.
                    passed += [output] if isinstance(output, StartCall | CancelCall) else []
        return passed

    def _complete(self, now: Instant) -> list[PreparationOutput]:
        self._over = True
        if self._keep:
            self._upkeep = Upkeep(now, self._keep, self._settings, self._regions)
        return [*connections_ahead(self._regions), Completed(self._command)]

    def _fail(self, failure: Failure) -> list[PreparationOutput]:
        self._over = True
        cancelled, _ = self._reservation.cancel()
        return [*cancelled, Failed(self._command, failure)]
