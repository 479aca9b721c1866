"""Reserving a session for somebody else: credentials for an untrusted client."""

from typing import Any

from odyssey_proto.client.connecting.allocation import (
    Allocation,
    AllocationOutput,
    Granted,
    Latencies,
    Refused,
    Stage,
)
from odyssey_proto.client.rest.call_requests import CallFor, CallOff, Tag
from odyssey_proto.client.rest.calls import Ask
from odyssey_proto.client.rest.ids import Names
from odyssey_proto.kernel.errors import RemoteProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Deadline, Instant, seconds
from odyssey_proto.messages.sessions import SESSION_TOKEN, Grant, SessionToken
from odyssey_proto.messages.token import session_id_of
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.seam.commands import CommandId
from odyssey_proto.seam.inputs import ExchangeFailed, Replied
from odyssey_proto.seam.outputs import CancelRequest, Completed, Failed, Request
from odyssey_proto.seam.settings import Settings

type MintingOutput = Request | CancelRequest | CallFor | CallOff | Completed | Failed


class Minting:
    """
    Carries one `MintCredentials` to its end.

    Each minting reserves a session of its own, which is never used twice.
    The wire: docs/protocol.md#client-credentials.
    """

    def __init__(self, command: CommandId, settings: Settings, names: Names, known: Latencies | None) -> None:
        self.command = command
        self._settings = settings
        call = seconds(settings.timeouts.call)
        self._allocation = Allocation(settings.api_url, settings.queue, call, names, known)
        self._grant: Grant | None = None
        self.done = False

    @property
    def latencies(self) -> Latencies | None:
        """The region map, once it was measured."""
        return self._allocation.latencies

    def begin(self) -> list[MintingOutput]:
        """Begins by making sure of an access token."""
        within = seconds(self._settings.timeouts.authenticate)
        ask = Ask(None, None, self._settings.api_url, within, Phase.AUTHENTICATE)
        return [CallFor(Tag.ACCESS, ask)]

    def on_result(self, now: Instant, tag: Tag, result: Any) -> list[MintingOutput]:
        """Takes the result of a call."""
        if tag is Tag.ALLOCATION:
            return self._translate(self._allocation.on_result(now, result))
        if isinstance(result, Failure):
            return self._fail(result)
        if isinstance(result, SessionToken) and self._grant is not None:
            return self._finish(self._grant, result)
        return self._translate(self._allocation.begin(now))

    def on_exchange(self, now: Instant, inp: Replied | ExchangeFailed) -> list[MintingOutput] | None:
        """Takes what came of an exchange; `None` if it is none of its own."""
        outputs = self._allocation.on_exchange(now, inp)
        return None if outputs is None else self._translate(outputs)

    def wake(self, now: Instant) -> list[MintingOutput]:
        """Carries out whatever is due."""
        return self._translate(self._allocation.wake(now))

    def stop(self, failure: Failure) -> list[MintingOutput]:
        """Gives up."""
        outputs: list[MintingOutput] = [*self._allocation.cancel()]
        calling = self._allocation.stage in (Stage.LISTING, Stage.ASKING)
        outputs += [CallOff(tag) for tag in (Tag.ACCESS, Tag.TOKEN)]
        outputs += [CallOff(Tag.ALLOCATION)] if calling else []
        return outputs + self._fail(failure)

    @property
    def deadline(self) -> Deadline | None:
        """The next poll or the end of the pings."""
        return self._allocation.deadline

    def _translate(self, lines: list[AllocationOutput]) -> list[MintingOutput]:
        outputs: list[MintingOutput] = []
        for line in lines:
            match line:
                case Granted(grant):
                    outputs.append(self._ask_token(grant))
                case Refused(failure):
                    outputs += self._fail(failure)
                case _:
                    outputs.append(line)
        return outputs

    def _ask_token(self, grant: Grant) -> CallFor:
        self._grant = grant
        within = seconds(self._settings.timeouts.prepare)
        ask = Ask(SESSION_TOKEN, grant.session_id, self._settings.api_url, within, Phase.PREPARE)
        return CallFor(Tag.TOKEN, ask)

    def _finish(self, grant: Grant, token: SessionToken) -> list[MintingOutput]:
        text = token.token.reveal()
        try:
            session_id_of(text)
        except RemoteProtocolError as error:
            return self._fail(
                Failure(FailureKind.MALFORMED, f"malformed session token: {error}", phase=Phase.PREPARE)
            )
        self.done = True
        credentials = ClientCredentials(
            grant.signaling_url, text, token.lasts // 1_000_000, grant.capabilities
        )
        return [Completed(self.command, credentials)]

    def _fail(self, failure: Failure) -> list[MintingOutput]:
        self.done = True
        return [Failed(self.command, failure)]
