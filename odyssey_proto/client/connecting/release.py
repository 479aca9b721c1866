"""
Giving a session back, whatever had been reached, and in bounded time.

The service has no call that ends a session: only the client that signals on its WebSocket can say
that it leaves.
A session that nobody releases is kept for a while, counts against the limits of the account, and
keeps a streamer from others.
So whoever gives up, in a connect, in the middle of a session, or while credentials are minted,
hands over what it holds, and whatever is needed to say goodbye is still done:

| what is held | what remains to be done |
|---|---|
| nothing | nothing |
| a request for a streamer that is on its way | wait: it may still be granted; then as below |
| a session, its token on its way | wait for the token, then as below |
| a session and its token | open the WebSocket, then as below |
| the WebSocket | say goodbye, close it, wait until it is closed |

A request that was sent cannot be called back: cancelled, it would leave a session that the
service may have granted and whose name nobody knows.
One deadline bounds it all; what is not done by then is cut off, and the service's own clock ends
the session.
Where this machine's own network is why a session was lost, nobody answers on its WebSocket, most likely;
then the goodbye has `SHORT_GOODBYE`, so that the next session need not wait for it.
"""

from typing import Literal

from attrs import evolve, frozen

from odyssey_proto.client.connecting.calls import (
    SessionCall,
    SessionCallResult,
    SessionRequestResult,
    SessionTokenResult,
)
from odyssey_proto.client.live.signaling import Signaling, SocketEnded, SocketState
from odyssey_proto.client.rest.call_requests import CallOrder, CallRequest, CancelCall, StartCall
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, Phase
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.sessions import SESSION_TOKEN, Grant
from odyssey_proto.messages.signaling import socket_url
from odyssey_proto.seam.inputs import SocketId, SocketInput
from odyssey_proto.seam.outputs import SocketOutput
from odyssey_proto.seam.settings import Settings

SHORT_GOODBYE = millis(300)


@frozen
class HeldResources:
    """What is still held of a session when it is given up."""

    grant: Grant | None = None
    token: Secret | None = None
    signaling: Signaling | None = None
    awaits: SessionCall | None = None
    """The call that is still on its way and decides whether there is anything to release."""


type SessionReleaseOutput = CallOrder | SocketOutput


class SessionRelease:
    """Gives back one session; `done` when nothing of it is left."""

    def __init__(
        self, held: HeldResources, settings: Settings, ids: IdSource, *, short: bool = False
    ) -> None:
        self._held = held
        self._settings = settings
        within = seconds(settings.timeouts.leave)
        self._within = min(within, SHORT_GOODBYE) if short else within
        self._ids = ids
        self._timers: Timers[Literal[ClientTimer.LEAVE_TIMEOUT]] = Timers()
        self.done: bool = False

    @property
    def deadline(self) -> Deadline | None:
        """When everything is cut off."""
        return self._timers.deadline

    def owns_socket(self, socket: SocketId) -> bool:
        """Tells whether this is the WebSocket on which the goodbye is said."""
        signaling = self._held.signaling
        return signaling is not None and signaling.socket == socket

    def begin(self, now: Instant) -> list[SessionReleaseOutput]:
        """Says goodbye now, or as soon as that is possible."""
        self._timers.set(ClientTimer.LEAVE_TIMEOUT, after(now, self._within))
        if self._held.awaits is not None:
            return []
        signaling = self._held.signaling
        return self._open() if signaling is None else self._say_goodbye(signaling)

    def on_result(self, result: SessionCallResult) -> list[SessionReleaseOutput]:
        """Takes the result of the one call that was on its way; all others were cancelled."""
        match result:
            case SessionRequestResult(Grant() as grant):
                self._held = HeldResources(grant, awaits=SessionCall.SESSION_TOKEN)
                api_url = self._settings.api_url
                request = CallRequest(SESSION_TOKEN, grant.session_id, api_url, self._within, Phase.LEAVE)
                return [StartCall(SessionCall.SESSION_TOKEN, request, SessionTokenResult)]
            case SessionTokenResult(token) if not isinstance(token, Failure):
                self._held = evolve(self._held, token=token.token, awaits=None)
                return self._open()
            case _:
                self._held = evolve(self._held, awaits=None)
                return self._finish()

    def on_socket(self, now: Instant, inp: SocketInput) -> list[SessionReleaseOutput]:
        """Takes what happened to the socket."""
        signaling = self._held.signaling
        assert signaling is not None, "it is asked only for what it owns"
        outputs = signaling.on_socket(now, inp)
        if signaling.state is SocketState.OPEN:
            return self._say_goodbye(signaling)
        return self._finish() if any(isinstance(each, SocketEnded) for each in outputs) else []

    def wake(self, now: Instant) -> list[SessionReleaseOutput]:
        """Cuts everything off when the time is over."""
        return [] if self._timers.due(now) is None else self._finish()

    def _open(self) -> list[SessionReleaseOutput]:
        grant, token = self._held.grant, self._held.token
        if grant is None or token is None:
            return self._finish()
        signaling = Signaling(self._ids.socket())
        self._held = evolve(self._held, signaling=signaling)
        return [*signaling.begin(socket_url(grant.signaling_url, grant.session_id), token)]

    def _say_goodbye(self, signaling: Signaling) -> list[SessionReleaseOutput]:
        return self._finish() if signaling.state is SocketState.CLOSED else [*signaling.leave()]

    def _finish(self) -> list[SessionReleaseOutput]:
        self.done = True
        self._timers.clear()
        outputs: list[SessionReleaseOutput] = []
        if self._held.awaits is not None:
            outputs.append(CancelCall(self._held.awaits))
        if self._held.signaling is not None:
            outputs += self._held.signaling.drop()
        return outputs
