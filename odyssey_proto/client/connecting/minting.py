"""Reserving a session for somebody else: credentials for an untrusted client."""

from collections.abc import Iterable
from enum import Enum, unique

from odyssey_proto.client.connecting.calls import ReservationResult
from odyssey_proto.client.connecting.release import HeldResources, SessionRelease
from odyssey_proto.client.connecting.reservation import (
    Granted,
    RegionsMeasured,
    Reservation,
    ReservationFailed,
    ReservationOutput,
    Reserved,
)
from odyssey_proto.client.rest.call_requests import CallOrder
from odyssey_proto.client.rest.ids import IdSource
from odyssey_proto.kernel.failures import ABANDONED, Failure, FailureKind, Phase, RemoteProtocolError
from odyssey_proto.kernel.machine import Deadline, Instant, after, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.sessions import Grant, SessionToken
from odyssey_proto.model.access import RegionMap
from odyssey_proto.model.credentials import ClientCredentials, session_id_of
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.inputs import SocketId, SocketInput
from odyssey_proto.seam.outputs import Completed, Failed, SocketOutput
from odyssey_proto.seam.settings import Settings

DELIVERY_GRACE = seconds(10)
"""
How long after the end of a minting its caller may turn out to have been cancelled.

The credentials are then on their way to the caller within the same program.
"""

type MintingOutput = CallOrder | SocketOutput | RegionsMeasured | Completed | Failed


@unique
class MintingState(Enum):
    """Where a minting stands."""

    RESERVING = "reserving"
    DELIVERED = "delivered"
    """The credentials are with the caller, or on their way there."""
    RELEASING = "releasing"
    """The session is given back, because it failed or its caller is gone."""
    CLOSED = "closed"


class Minting:
    """
    Carries one `MintCredentials` to its end.

    Each minting reserves a session of its own, which is never used twice
    (docs/protocol.md#client-credentials).
    A session that nobody will get credentials for is given back: whether the caller is cancelled
    on the way, or just as the credentials are delivered, or the session token is unusable.
    """

    def __init__(
        self, command: CommandId, settings: Settings, ids: IdSource, known: RegionMap | None
    ) -> None:
        self._command = command
        self._settings = settings
        self._ids = ids
        self._reservation = Reservation(settings, known)
        self._grant: Grant | None = None
        self._token: Secret | None = None
        self._release: SessionRelease | None = None
        self._forgotten_at = Instant(0)
        self.state: MintingState = MintingState.RESERVING

    @property
    def releasing(self) -> bool:
        """Whether a session is being given back."""
        return self.state is MintingState.RELEASING

    @property
    def deadline(self) -> Deadline | None:
        """The next poll, the end of the pings, or the end of the release."""
        return self._reservation.deadline if self._release is None else self._release.deadline

    def closed(self, now: Instant) -> bool:
        """Tells whether there is nothing more to do."""
        forgotten = self.state is MintingState.DELIVERED and now >= self._forgotten_at
        return forgotten or self.state is MintingState.CLOSED

    def owns_socket(self, socket: SocketId) -> bool:
        """Tells whether this is the socket on which it says goodbye."""
        return self._release is not None and self._release.owns_socket(socket)

    def begin(self) -> list[MintingOutput]:
        """Begins with the API key."""
        return [*self._reservation.begin()]

    def abandon(self, now: Instant, command: CommandId) -> list[MintingOutput] | None:
        """Ends the command if its caller is gone; `None` if it is another command."""
        if command != self._command or self._release is not None:
            return None
        if self.state is MintingState.DELIVERED:
            return self._give_back(now)
        return self._fail(now, ABANDONED)

    def on_result(self, now: Instant, result: ReservationResult) -> list[MintingOutput]:
        """Takes the result of a call."""
        if self._release is not None:
            return self._closing(self._release, self._release.on_result(result))
        return self._on_reservation(now, self._reservation.on_result(now, result))

    def on_socket(self, now: Instant, inp: SocketInput) -> list[MintingOutput]:
        """Takes what happened to the socket on which it says goodbye."""
        assert self._release is not None, "it is asked only for what it owns"
        return self._closing(self._release, self._release.on_socket(now, inp))

    def wake(self, now: Instant) -> list[MintingOutput]:
        """Carries out whatever is due."""
        if self._release is not None:
            return self._closing(self._release, self._release.wake(now))
        return self._on_reservation(now, self._reservation.wake(now))

    def _on_reservation(self, now: Instant, outputs: Iterable[ReservationOutput]) -> list[MintingOutput]:
        translated: list[MintingOutput] = []
        for output in outputs:
            match output:
                case Granted(grant):
                    self._grant = grant
                case Reserved(token):
                    translated += self._deliver(now, token)
                case ReservationFailed(failure):
                    translated += self._fail(now, failure)
                case _:
                    translated.append(output)
        return translated

    def _deliver(self, now: Instant, token: SessionToken) -> list[MintingOutput]:
        assert self._grant is not None, "a token is for what was granted"
        self._token = token.token
        text = token.token.reveal()
        try:
            session_id_of(text)
        except RemoteProtocolError as error:
            malformed = f"malformed session token: {error}"
            return self._fail(now, Failure(FailureKind.MALFORMED, malformed, phase=Phase.PREPARE))
        self.state = MintingState.DELIVERED
        self._forgotten_at = after(now, DELIVERY_GRACE)
        grant = self._grant
        credentials = ClientCredentials(
            grant.signaling_url, text, token.lasts // 1_000_000, grant.capabilities
        )
        return [Completed(self._command, credentials)]

    def _fail(self, now: Instant, failure: Failure) -> list[MintingOutput]:
        return [Failed(self._command, failure), *self._give_back(now)]

    def _give_back(self, now: Instant) -> list[MintingOutput]:
        self.state = MintingState.RELEASING
        cancelled, awaits = self._reservation.cancel()
        held = HeldResources(self._grant, self._token, None, awaits)
        self._release = release = SessionRelease(held, self._settings, self._ids)
        return [*cancelled, *self._closing(release, release.begin(now))]

    def _closing(self, release: SessionRelease, outputs: Iterable[MintingOutput]) -> list[MintingOutput]:
        if release.done:
            self.state = MintingState.CLOSED
        return [*outputs]
