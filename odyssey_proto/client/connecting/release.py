"""Leaving: the server is told, whatever had been reached, and in bounded time."""

from typing import Any

from attrs import frozen

from odyssey_proto.client.live.signaling import Signaling, SocketEnded, SocketState
from odyssey_proto.client.rest.call_requests import CallFor, CallOff, Tag
from odyssey_proto.client.rest.calls import Ask
from odyssey_proto.client.rest.ids import Names
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Phase
from odyssey_proto.kernel.machine import Deadline, Instant, Span, Timers, after
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.sessions import SESSION_TOKEN, Grant, SessionToken
from odyssey_proto.messages.signaling import socket_url
from odyssey_proto.seam.inputs import SocketInput
from odyssey_proto.seam.outputs import SocketOutput


@frozen
class HeldResources:
    """What a session still holds when it leaves."""

    api: str
    signaling_url: str | None = None
    session_id: str | None = None
    token: Secret | None = None
    signaling: Signaling | None = None
    awaits: Tag | None = None
    """The call that is still on its way and decides whether there is anything to release."""


type SessionReleaseOutput = CallFor | CallOff | SocketOutput


class SessionRelease:
    """
    Gives back a reserved streamer.

    The only way to release a session is to say so on its WebSocket, so a session that was granted
    but never signalled is followed through token and socket, just far enough to say goodbye.
    """

    def __init__(self, held: HeldResources, within: Span, names: Names) -> None:
        self._held = held
        self._within = within
        self._names = names
        self._awaits = held.awaits
        self.signaling = held.signaling
        self._timers = Timers[ClientTimer]()
        self.done = False

    def begin(self, now: Instant) -> list[SessionReleaseOutput]:
        """Says goodbye now, or as soon as that is possible."""
        self._timers.set(ClientTimer.LEAVE_TIMEOUT, after(now, self._within))
        if self._awaits is not None:
            return []
        if self.signaling is None:
            return self._open(self._held.signaling_url, self._held.session_id, self._held.token)
        return self._say()

    def on_result(self, result: Any) -> list[SessionReleaseOutput]:
        """Takes the result of the one call that was on its way; all others were called off."""
        self._awaits = None
        match result:
            case Grant():
                self._held = HeldResources(self._held.api, result.signaling_url, result.session_id)
                self._awaits = Tag.TOKEN
                ask = Ask(SESSION_TOKEN, result.session_id, self._held.api, self._within, Phase.LEAVE)
                return [CallFor(Tag.TOKEN, ask)]
            case SessionToken():
                return self._open(self._held.signaling_url, self._held.session_id, result.token)
            case _:
                return self._finish()

    def on_socket(self, now: Instant, inp: SocketInput) -> list[SessionReleaseOutput]:
        """Takes what happened to the socket."""
        signaling = self.signaling
        heard = [] if signaling is None else signaling.on_socket(now, inp)
        if signaling is not None and signaling.state is SocketState.OPEN:
            return self._say()
        return self._finish() if any(isinstance(each, SocketEnded) for each in heard) else []

    def wake(self, now: Instant) -> list[SessionReleaseOutput]:
        """Carries out whatever is due: after the drain everything is cut."""
        return [] if self._timers.due(now) is None else self._finish()

    @property
    def deadline(self) -> Deadline | None:
        """When everything is cut."""
        return self._timers.deadline

    def _open(
        self, url: str | None, session_id: str | None, token: Secret | None
    ) -> list[SessionReleaseOutput]:
        if url is None or session_id is None or token is None:
            return self._finish()
        self.signaling = Signaling(self._names.socket())
        return [*self.signaling.begin(socket_url(url, session_id), token)]

    def _say(self) -> list[SessionReleaseOutput]:
        if self.signaling is None or self.signaling.state is SocketState.CLOSED:
            return self._finish()
        return [*self.signaling.leave()]

    def _finish(self) -> list[SessionReleaseOutput]:
        self.done = True
        self._timers.clear()
        outputs: list[SessionReleaseOutput] = [] if self._awaits is None else [CallOff(self._awaits)]
        self._awaits = None
        if self.signaling is not None:
            outputs += self.signaling.drop()
        return outputs
