"""Where requests are answered: at once, or late or never if the plan of faults has it so."""

from odyssey_proto.kernel.machine import Deadline, Instant, after, seconds
from odyssey_proto.kernel.text import one_line
from odyssey_proto.messages.endpoint import path_of
from odyssey_proto.seam.http import ExchangeId, HttpReply, HttpRequest
from odyssey_proto.service.io.faults import Faults, Refuse, Silent, Slow
from odyssey_proto.service.io.seam import Answer, Asked, Noted, ServiceOutput
from odyssey_proto.service.io.timers import ServiceTimer
from odyssey_proto.service.rest.cors import shared
from odyssey_proto.service.rest.routes import Rest

MAX_PATH = 200
"""How much of a path is noted, in characters."""


class RequestDesk:
    """Takes requests and returns answers: one for each, unless a fault swallows it."""

    def __init__(self, rest: Rest, faults: Faults) -> None:
        self._rest = rest
        self._faults = faults
        self._late: list[tuple[Instant, Answer]] = []

    def __repr__(self) -> str:
        return f"<RequestDesk {len(self._late)} answers to come>"

    def ask(self, now: Instant, asked: Asked) -> list[ServiceOutput]:
        """Takes a request."""
        path = path_of(asked.request)
        line = f"{asked.request.method} {one_line(path, MAX_PATH)}"
        if self._faults.strike(Silent, path=path) is not None:
            return [Noted(f"{line}: silent on purpose")]
        answer = Answer(asked.exchange, shared(self._reply(now, asked.request, path)))
        slow = self._faults.strike(Slow, path=path)
        if slow is None:
            return [answer, Noted(f"{line}: {answer.reply.status}")]
        self._late.append((after(now, seconds(slow.seconds)), answer))
        return [Noted(f"{line}: {answer.reply.status}, late on purpose")]

    def gone(self, exchange: ExchangeId) -> None:
        """Whoever asked does not wait any more."""
        self._late = [(at, answer) for at, answer in self._late if answer.exchange != exchange]

    def wake(self, now: Instant) -> list[ServiceOutput]:
        """Returns the late answers that are due, the earliest first."""
        due = sorted((late for late in self._late if late[0] <= now), key=lambda late: late[0])
        self._late = [late for late in self._late if late[0] > now]
        return [answer for _, answer in due]

    @property
    def deadline(self) -> Deadline | None:
        """When the next late answer is due."""
        return Deadline(min(at for at, _ in self._late), ServiceTimer.LATE_ANSWER) if self._late else None

    def _reply(self, now: Instant, request: HttpRequest, path: str) -> HttpReply:
        planned = self._faults.strike(Refuse, path=path)
        return self._rest.answer(now, request) if planned is None else planned.reply
