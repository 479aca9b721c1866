"""
One session, from the first request to the goodbye: which part runs when.

| state | parts at work | goes on when | is bounded by |
|---|---|---|---|
| `CONNECTING` | `Connector` | the WebSocket is open | the timeout of each step |
| `NEGOTIATING` | `Signaling`, `Peer` | the peer is complete | the timeout for negotiating |
| `READY` | `Signaling`, `Peer`, `Stream`, `Watch` | a further offer comes: `NEGOTIATING` | nothing |
| `CLOSING` | `SessionRelease` | everything is given back | the timeout for leaving |
| `CLOSED` | none | never | |

Every state before `CLOSING` leads there at once: by our wish, or by a loss.
A loss is the end of a session, and `_lose` is the one place that says what it means for its parts;
what it means for the application is for the connection to say, which made the session.
The end of a peer in use waits a moment for signaling, which may say why; the two take different
ways, and the explanation may come later than the end.
Nothing outside this file changes the state.

Parts return what they want done, and values of their own that say what has become of them; the
methods `_on_connector`, `_on_signaling`, `_on_peer` and `_on_stream` take the latter out and act
on them, and pass the former on.
"""

from collections.abc import Iterable
from enum import Enum, unique
from typing import Literal

from odyssey_proto.client.connecting.calls import SessionCallResult
from odyssey_proto.client.connecting.connector import (
    ConnectFailed,
    Connector,
    ConnectorOutput,
    IceServersReady,
    SignalingReady,
)
from odyssey_proto.client.connecting.release import SessionRelease
from odyssey_proto.client.live import notices
from odyssey_proto.client.live import peer_outputs as peers
from odyssey_proto.client.live import signaling as sockets
from odyssey_proto.client.live import stream as streams
from odyssey_proto.client.live.negotiation import Negotiation, NegotiationOutput, PeerReplaced
from odyssey_proto.client.live.path_check import NO_ROUTE, PathCheckResult
from odyssey_proto.client.live.watch import Watch
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.client.session_outputs import SessionLost, SessionOutput, SessionReady
from odyssey_proto.client.timers import ClientTimer
from odyssey_proto.kernel.failures import Failure, Phase, refused, timed_out
from odyssey_proto.kernel.machine import Deadline, Instant, Timers, after, earliest, seconds
from odyssey_proto.messages.signaling import Answer, Offer, SignalingError, SignalingMessage
from odyssey_proto.model.access import RegionMap
from odyssey_proto.model.credentials import ClientCredentials, StreamerCapabilities
from odyssey_proto.model.events import ConnectionStatus
from odyssey_proto.model.ice import IceCandidate, IceServer
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.inputs import MediaInput, PeerId, SocketId, SocketInput
from odyssey_proto.seam.settings import Settings

type _Timer = Literal[ClientTimer.NEGOTIATION_TIMEOUT, ClientTimer.LOSS_EXPLANATION]


@unique
class SessionState(Enum):
    """Where a session stands."""

    CONNECTING = "connecting"
    NEGOTIATING = "negotiating"
    READY = "ready"
    CLOSING = "closing"
    CLOSED = "closed"


RELAYLESS_TIMEOUT = seconds(5)
"""How long a path may take to be found when no TURN server gave a relay, from the newest candidate on."""

EXPLANATION_GRACE = seconds(0.5)
"""How long after the end of a peer signaling may still say why."""


class Session:
    """Runs one session; `established` tells whether it was ever ready."""

    def __init__(self, settings: Settings, ids: IdSource, known: RegionMap | None) -> None:
        self._settings = settings
        self._ids = ids
        self._connector = Connector(settings, ids, known)
        self._signaling: sockets.Signaling | None = None
        self._servers: tuple[IceServer, ...] = ()
        self._negotiation = Negotiation(ids, seconds(settings.timeouts.silence), audio=settings.audio)
        self._stream = streams.Stream(settings.timeouts, self._negotiation.peer)
        self._watch = Watch(settings.limits)
        self._release: SessionRelease | None = None
        self._timers: Timers[_Timer] = Timers()
        self._peer_failure: Failure | None = None
        self._no_relay = ""
        self._frames = 0
        self._negotiation_end = Instant(0)
        self.state: SessionState = SessionState.CONNECTING
        self.established: bool = False

    # --- what it is -----------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether it has left or is leaving."""
        return self.state in (SessionState.CLOSING, SessionState.CLOSED)

    @property
    def releasing(self) -> bool:
        """Whether it says goodbye."""
        return self.state is SessionState.CLOSING

    def closed(self, now: Instant) -> bool:
        """Tells whether there is nothing more to do."""
        return self.state is SessionState.CLOSED

    @property
    def session_id(self) -> str | None:
        """The service's name for it, once it is granted."""
        return self._connector.session_id

    @property
    def capabilities(self) -> StreamerCapabilities:
        """What its streamer can do."""
        return self._connector.capabilities

    @property
    def last_applied_prompt(self) -> str | None:
        """The prompt that the picture shows now, as far as the service said."""
        return self._stream.last_applied_prompt

    @property
    def next_end(self) -> Instant | None:
        """When a limit of time will end it or its stream, as far as is known."""
        return self._watch.next_end

    def owns_peer(self, peer: PeerId) -> bool:
        """Tells whether a peer is its own."""
        return peer == self._negotiation.peer.peer

    def owns_socket(self, socket: SocketId) -> bool:
        """Tells whether a socket is its own."""
        owner = self._connector if self._release is None else self._release
        return owner.owns_socket(socket)

    # --- commands -------------------------------------------------------------------------------

    def begin(self, now: Instant, credentials: ClientCredentials | None = None) -> list[SessionOutput]:
        """Begins, with the API key or with credentials."""
        if credentials is None:
            return self._on_connector(now, self._connector.begin())
        return self._on_connector(now, self._connector.begin_with(now, credentials))

    def control(self, now: Instant, command: CommandId, what: streams.StreamCommand) -> list[SessionOutput]:
        """Carries out a stream command; `LocalProtocolError` if the state or a rule forbids it."""
        if not self.established or self.over:
            raise refused("not connected", "state.not_connected")
        takes_images = self.capabilities.image_to_video
        return self._on_stream(now, self._stream.control(now, command, what, takes_images=takes_images))

    def abandon(self, now: Instant, command: CommandId) -> list[SessionOutput] | None:
        """Ends a stream command whose caller is gone; `None` if it does not wait here."""
        outputs = self._stream.abandon(command)
        return None if outputs is None else self._on_stream(now, outputs)

    def leave(self, now: Instant, failure: Failure) -> list[SessionOutput]:
        """Leaves by our own wish; whoever waits fails with `failure`."""
        return [] if self.over else self._lose(now, failure, intended=True)

    # --- what comes from outside ----------------------------------------------------------------

    def on_result(self, now: Instant, result: SessionCallResult | PathCheckResult) -> list[SessionOutput]:
        """Takes the result of a call that it asked for."""
        if isinstance(result, PathCheckResult):
            assert self._signaling is not None, "it has asked"
            self._signaling.on_path_check(now, result)
            return []
        if self._release is not None:
            return self._closing(self._release, self._release.on_result(result))
        return self._on_connector(now, self._connector.on_result(now, result))

    def on_socket(self, now: Instant, inp: SocketInput) -> list[SessionOutput]:
        """Takes what happened to its socket."""
        if self._release is not None:
            return self._closing(self._release, self._release.on_socket(now, inp))
        if self._signaling is None:
            return self._on_connector(now, self._connector.on_socket(now, inp))
        return self._on_signaling(now, self._signaling.on_socket(now, inp))

    def on_media(self, now: Instant, inp: MediaInput) -> list[SessionOutput]:
        """Takes what the media engine reports of its peer."""
        return self._on_peer(now, self._negotiation.on_media(now, inp))

    def wake(self, now: Instant) -> list[SessionOutput]:
        """Carries out whatever is due."""
        if self._release is not None:
            return self._closing(self._release, self._release.wake(now))
        outputs = self._on_connector(now, self._connector.wake(now))
        if not self.over:
            if self._signaling is not None:
                outputs += self._on_signaling(now, self._signaling.wake(now))
            # The peer is made before signaling is there, and whatever comes on it may set a timer.
            outputs += self._on_peer(now, self._negotiation.wake(now))
            outputs += self._on_stream(now, self._stream.wake(now))
            outputs += self._watch.wake(now, self._negotiation.peer)
        return outputs + self._on_timer(now)

    @property
    def deadline(self) -> Deadline | None:
        """The earliest deadline of any part at work."""
        if self._release is not None:
            return self._release.deadline
        signaling = self._signaling.deadline if self._signaling is not None else None
        parts = (self._connector.deadline, signaling, self._negotiation.deadline, self._stream.deadline)
        return earliest(*parts, self._watch.deadline, self._timers.deadline)

    # --- what the parts return ------------------------------------------------------------------

    def _on_connector(self, now: Instant, outputs: Iterable[ConnectorOutput]) -> list[SessionOutput]:
        passed: list[SessionOutput] = []
        for output in outputs:
            match output:
                case IceServersReady(servers):
                    self._servers = servers
                    ice = self._settings.ice_config(servers)
                    passed += self._on_peer(now, self._negotiation.prepare(ice))
                    self._stream.peer = self._negotiation.peer
                case SignalingReady():
                    passed += self._connected(now, output)
                case ConnectFailed(failure):
                    passed += self._fail(now, failure)
                case _:
                    passed.append(output)
        return passed

    def _on_signaling(self, now: Instant, outputs: Iterable[sockets.SignalingOutput]) -> list[SessionOutput]:
        passed: list[SessionOutput] = []
        for output in outputs:
            match output:
                case sockets.MessageReceived() | sockets.MalformedMessage() if self._release is not None:
                    # It was kept until the session could begin, and something before it has ended that.
                    pass
                case sockets.MessageReceived(message):
                    passed += self._on_message(now, message)
                case sockets.MalformedMessage(failure, offer):
                    needed = offer and self._negotiation.peer.state is peers.NegotiationState.NEW
                    passed += self._fail(now, failure) if needed else [notices.warning(failure)]
                case sockets.SocketEnded(failure, normal):
                    passed += self._fail(now, failure, intended=normal and self.established)
                case _:
                    passed.append(output)
        return passed

    def _on_message(self, now: Instant, message: SignalingMessage) -> list[SessionOutput]:
        match message:
            case Offer(sdp):
                ice = self._settings.ice_config(self._servers)
                return self._on_peer(now, self._negotiation.take_offer(now, sdp, ice))
            case IceCandidate():
                self._hasten(now)
                return self._on_peer(now, self._negotiation.add_candidate(message))
            case SignalingError():
                return self._fail(now, sockets.failure_of(message))
            case _:
                return []

    def _on_peer(self, now: Instant, outputs: Iterable[NegotiationOutput]) -> list[SessionOutput]:
        passed: list[SessionOutput] = []
        for output in outputs:
            match output:
                case peers.DescriptionReady(sdp):
                    passed += self._send(now, Answer(sdp))
                case PeerReplaced():
                    passed += self._on_peer_replaced(now)
                case peers.PeerReady():
                    passed += self._ready()
                case peers.StreamerText(text):
                    passed += self._end_path_check(now)
                    passed += self._on_stream(now, self._stream.on_message(now, text))
                case peers.FramesCounted(received, undecoded):
                    if received + undecoded > self._frames:
                        passed += self._end_path_check(now)
                    self._frames = received + undecoded
                    passed += [*self._watch.count(now, output), output]
                case peers.RelaysFailed(reasons):
                    self._no_relay = reasons
                    self._hasten(now)
                case peers.PeerInterrupted():
                    passed += [notices.INTERRUPTED, *self._check_path(now)]
                case peers.PeerRestored():
                    restored = notices.status(ConnectionStatus.CONNECTED)
                    passed += [restored, *self._end_path_check(now)]
                case peers.PeerLost(failure, peers.Loss.BROKEN):
                    passed += self._fail(now, failure)
                case peers.PeerLost(failure):
                    self._peer_failure = failure
                    self._timers.set(ClientTimer.LOSS_EXPLANATION, after(now, EXPLANATION_GRACE))
                case _:
                    passed.append(output)
        return passed

    def _on_stream(self, now: Instant, outputs: Iterable[streams.StreamOutput]) -> list[SessionOutput]:
        passed: list[SessionOutput] = []
        for output in outputs:
            match output:
                case streams.SendOnSignaling(message):
                    passed += self._send(now, message)
                case _:
                    passed.append(output)
        ready = self.state is SessionState.READY
        return [*passed, *self._watch.stream(now, self._stream.live, ready=ready)]

    def _send(self, now: Instant, message: SignalingMessage) -> list[SessionOutput]:
        return [] if self._signaling is None else self._on_signaling(now, self._signaling.send(message))

    # --- moves ----------------------------------------------------------------------------------

    def _connected(self, now: Instant, ready: SignalingReady) -> list[SessionOutput]:
        self._signaling = ready.signaling
        self._watch.begin(now)
        self._negotiate(now)
        warned = [] if ready.warning is None else [notices.warning(ready.warning)]
        return [*warned, *self._on_signaling(now, ready.received)]

    def _check_path(self, now: Instant) -> list[SessionOutput]:
        """While the peer is silent it is asked whether what there is leads anywhere."""
        assert self._signaling is not None, "a peer is found by it"
        return self._on_signaling(now, self._signaling.check_path(self._connector.signaling_url))

    def _end_path_check(self, now: Instant) -> list[SessionOutput]:
        """Something came from the peer."""
        return [] if self._signaling is None else self._on_signaling(now, self._signaling.end_path_check())

    def _on_peer_replaced(self, now: Instant) -> list[SessionOutput]:
        self._stream.peer = self._negotiation.peer
        renewed = self.state is SessionState.READY
        self._negotiate(now)
        text = "The streamer renews the media connection"
        return [notices.status(ConnectionStatus.RECONNECTING, text)] if renewed else []

    def _negotiate(self, now: Instant) -> None:
        self._peer_failure = None
        self._timers.stop(ClientTimer.LOSS_EXPLANATION)
        if self.state is SessionState.NEGOTIATING:
            # One deadline for all of it, however many offers come.
            return
        self.state = SessionState.NEGOTIATING
        self._negotiation_end = after(now, seconds(self._settings.timeouts.negotiate))
        self._timers.set(ClientTimer.NEGOTIATION_TIMEOUT, self._negotiation_end)

    def _hasten(self, now: Instant) -> None:
        """Waits no longer for a path than a direct one takes, where there is no relay."""
        if self._no_relay and self.state is SessionState.NEGOTIATING:
            soon = min(self._negotiation_end, after(now, RELAYLESS_TIMEOUT))
            self._timers.set(ClientTimer.NEGOTIATION_TIMEOUT, soon)

    def _ready(self) -> list[SessionOutput]:
        self.state = SessionState.READY
        self.established = True
        self._timers.stop(ClientTimer.NEGOTIATION_TIMEOUT)
        return [SessionReady()]

    def _on_timer(self, now: Instant) -> list[SessionOutput]:
        due, peer = self._timers.due(now), self._negotiation.peer
        if due is None:
            return []
        if due is ClientTimer.NEGOTIATION_TIMEOUT and peer.connected and now < self._negotiation_end:
            # A path was found without a relay; what is missing comes by it.
            self._timers.set(ClientTimer.NEGOTIATION_TIMEOUT, self._negotiation_end)
            return []
        why = self._peer_failure or timed_out(Phase.NEGOTIATE, peer.missing)
        return self._fail(now, notices.without_relay(why, "" if peer.connected else self._no_relay))

    def _fail(self, now: Instant, failure: Failure, *, intended: bool = False) -> list[SessionOutput]:
        phase = Phase.READY if self.state is SessionState.READY else Phase.NEGOTIATE
        return self._lose(now, failure.during(phase), intended=intended)

    def _lose(self, now: Instant, failure: Failure, *, intended: bool) -> list[SessionOutput]:
        """Ends the session: its owner first, then everyone who waits, then the goodbye."""
        self.state = SessionState.CLOSING
        ended = [*self._watch.end(now), SessionLost(failure, intended), *self._stream.fail_all(failure)]
        return [*ended, *self._say_goodbye(now, failure)]

    def _say_goodbye(self, now: Instant, failure: Failure) -> list[SessionOutput]:
        """Tells the server before the peer is torn down."""
        self._timers.clear()
        cancelled, held = self._connector.cancel()
        short = failure.code == NO_ROUTE
        self._release = release = SessionRelease(held, self._settings, self._ids, short=short)
        goodbye = self._closing(release, release.begin(now))
        return [*cancelled, *goodbye, *self._on_peer(now, self._negotiation.peer.drop())]

    def _closing(self, release: SessionRelease, outputs: Iterable[SessionOutput]) -> list[SessionOutput]:
        if release.done:
            self.state = SessionState.CLOSED
        return [*outputs]
