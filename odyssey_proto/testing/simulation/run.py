"""One run of a plan, from the first command until nothing waits on either side, under the laws."""

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, assert_never

from attrs import frozen

from odyssey_proto.client.client import Client
from odyssey_proto.conversations import Side
from odyssey_proto.kernel.failures import LocalProtocolError
from odyssey_proto.kernel.machine import Instant, Machine, after, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.messages.stream import FROM_STREAMER, TO_STREAMER
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.model.events import Connected
from odyssey_proto.model.recordings import RecordingFile
from odyssey_proto.seam.commands import Abandon, Connect, ConnectWith, Disconnect, Download, StartStream
from odyssey_proto.seam.inputs import GOING_AWAY, ChannelText, ExchangeFailed, FetchFailed, SocketText, Wake
from odyssey_proto.seam.outputs import ChannelSend, SendText
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.service import Service
from odyssey_proto.testing.fake_media import FakeMedia, Owner
from odyssey_proto.testing.network import CLOSED, Network
from odyssey_proto.testing.simulation.plan import (
    BreakMedia,
    BreakSockets,
    ConnectMinted,
    DownloadLast,
    ForgetFlows,
    Frames,
    Give,
    GiveUp,
    Happening,
    Jump,
    Plan,
    Restart,
    Say,
)
from odyssey_proto.testing.simulation.unreliable import UnreliableNetwork
from odyssey_proto.testing.transcript import Transcript

LAST_REST = seconds(10)
"""How long after the last happening every client leaves."""

MAX_AFTERWARDS = seconds(7200)
"""How long after that a service may still hold something."""

MAX_STEPS = 20_000
"""More steps than any run needs: with more a machine runs in circles."""

DOWNLOAD_TIME = seconds(60)

API_KEY = Secret("ody_simulated")

type Make = Callable[[Settings], Machine[Any, Any]]
"""Makes a client; one may be recorded."""


class SimulatedClient(Transcript):
    """One of several clients; the network carries what it wants done."""

    def __init__(self, machine: Machine[Any, Any], number: int, network: Network) -> None:
        super().__init__(machine)
        self._number = number
        self._network = network

    def step(self, inp: Any) -> list[Any]:
        """Hands the client an input, now, and puts what it gives on its way."""
        outputs = super().step(inp)
        for output in outputs:
            self._network.carry(self.now, self._number, output)
        return outputs


@frozen
class Run:
    """A run in which every law held."""

    clients: tuple[SimulatedClient, ...]
    steps: int

    @property
    def begun(self) -> int:
        """How many sessions were asked for."""
        commands = (command.what for client in self.clients for command in client.commands)
        return sum(isinstance(what, Connect | ConnectWith) for what in commands)

    @property
    def established(self) -> int:
        """How many sessions were connected."""
        return sum(len(client.events_of(Connected)) for client in self.clients)


def simulate(plan: Plan, make: Make = Client) -> Run:
    """Runs a plan; raises `AssertionError` if a law is broken, or whatever a machine raises."""
    simulation = Simulation(plan, make)
    simulation.play()
    return Run(tuple(simulation.clients), simulation.steps)


class Simulation:
    """Clients and a service in virtual time, and what happens to them."""

    def __init__(self, plan: Plan, make: Make) -> None:
        self.steps: int = 0
        self._plan = plan
        self._starts = count(1)
        self._service = self._new_service()
        self._media = FakeMedia()
        owners = range(plan.clients)
        self._network = UnreliableNetwork(owners, plan.delay, self._media, plan.disturbed)
        self._settings = [settings_of(plan, number) for number in owners]
        self.clients: list[SimulatedClient] = [
            SimulatedClient(make(settings), number, self._network)
            for number, settings in enumerate(self._settings)
        ]
        self._clients = tuple(client.machine for client in self.clients)
        self._now = Instant(0)

    def play(self) -> None:
        """Lets everything happen, and lets every client leave; then nothing may be left anywhere."""
        for happening in self._plan.happenings:
            self._run(happening.at)
            self._happen(happening)
        self._run(after(self._now, LAST_REST))
        leaving = [client.give(Disconnect()) for client in self._present()]
        left_at = self._now
        self._run(after(left_at, MAX_AFTERWARDS))
        for settings, leave, client in zip(self._settings, leaving, self._present(), strict=True):
            assert leave.ended_at is not None, "leaving ends"
            assert leave.ended_at <= after(left_at, seconds(settings.timeouts.leave)), "leaving is bounded"
            client.obligations.settled()
            assert client.machine.deadline is None, "at rest nothing waits"
            assert client.step(Wake()) == [], "what comes too late is nothing"
        assert self._service.deadline is None, "no session is left behind"

    # --- what happens ---------------------------------------------------------------------------

    def _happen(self, happening: Happening) -> None:
        now = self._now
        match happening:
            case Give(_, client, what):
                self._give(client, what)
            case GiveUp(_, client):
                commands = self.clients[client].commands
                if commands:
                    self._give(client, Abandon(commands[-1].id))
            case ConnectMinted(_, client):
                for minted in self._minted():
                    self._give(client, ConnectWith(minted))
            case DownloadLast(_, client):
                for stream_id in self._started(client):
                    self._give(client, Download(stream_id, RecordingFile.VIDEO, DOWNLOAD_TIME))
            case Frames(_, frames):
                self._network.deliver(now, self._media.frames(frames))
            case BreakSockets(_, client, code):
                self._network.close_sockets(now, code, client)
            case BreakMedia(_, client):
                self._network.lose_media(now, client)
            case ForgetFlows(_, client):
                self._network.forget_flows(now, client)
            case Say():
                self._say(happening)
            case Jump(_, span):
                self._now = after(now, span)
            case Restart():
                self._restart()
            case _:
                assert_never(happening)

    def _give(self, client: int, what: Any) -> None:
        (one,) = self._present(client)
        with suppress(LocalProtocolError):
            one.give(what)

    def _say(self, words: Say) -> None:
        """Brings a text on every WebSocket or data channel that a client has open."""
        client, text = words.client, words.text
        owed = self.clients[client].obligations
        if words.on_channel:
            for peer in sorted(owed.peers):
                if words.by is Side.CLIENT:
                    self._network.carry(self._now, client, ChannelSend(peer, TO_STREAMER, text))
                else:
                    self._network.send(self._now, client, ChannelText(peer, FROM_STREAMER, text))
            return
        for socket in (name for name, is_open in owed.sockets.items() if is_open):
            if words.by is Side.CLIENT:
                self._network.carry(self._now, client, SendText(socket, text))
            else:
                self._network.send(self._now, client, SocketText(socket, text))

    def _minted(self) -> list[ClientCredentials]:
        """Returns the credentials that were minted last, if there are any."""
        found = [
            command.outcome
            for client in self.clients
            for command in client.commands
            if isinstance(command.outcome, ClientCredentials)
        ]
        return found[-1:]

    def _started(self, client: int) -> list[str]:
        """Returns the id of the stream that a client started last, if it started one."""
        commands = self.clients[client].commands
        found = [each.outcome for each in commands if isinstance(each.what, StartStream)]
        return [outcome for outcome in found if isinstance(outcome, str)][-1:]

    def _restart(self) -> None:
        self._network.close_sockets(self._now, GOING_AWAY)
        self._network.lose_media(self._now)
        for number, client in enumerate(self.clients):
            for exchange in client.obligations.requests:
                self._network.send(self._now, number, ExchangeFailed(exchange, CLOSED))
            for fetch in client.obligations.fetches:
                self._network.send(self._now, number, FetchFailed(fetch, CLOSED))
        self._network.forget_service()
        self._media.forget(Side.SERVER)
        self._service = self._new_service()

    def _new_service(self) -> Service:
        return Service(self._plan.service, b"%s/service %d" % (self._plan.seed, next(self._starts)))

    # --- time -----------------------------------------------------------------------------------

    def _run(self, until: Instant) -> None:
        """Lets time pass, and everything arrive and wake that is due in it."""
        while (moment := self._next()) is not None and moment <= until:
            self._now = max(moment, self._now)
            arrival = self._network.next_at
            if arrival is not None and arrival <= self._now:
                self._take(*self._network.take())
            else:
                self._wake()
        self._now = max(until, self._now)

    def _next(self) -> Instant | None:
        first = self._network.next_at
        for machine in (self._service, *self._clients):
            deadline = machine.deadline
            if deadline is not None and (first is None or deadline.at < first):
                first = deadline.at
        return first

    def _wake(self) -> None:
        for number, client in enumerate(self.clients):
            if client.machine.deadline is not None and client.machine.deadline.at <= self._now:
                self._take(number, Wake())
        if self._service.deadline is not None and self._service.deadline.at <= self._now:
            self._take(Side.SERVER, Wake())

    def _take(self, owner: Owner, inp: Any) -> None:
        self.steps += 1
        assert self.steps <= MAX_STEPS, "no machine runs in circles"
        if isinstance(owner, int):
            client = self.clients[owner]
            client.now = self._now
            client.step(inp)
            return
        for output in self._service.step(self._now, inp):
            self._network.carry(self._now, owner, output)

    def _present(self, number: int | None = None) -> list[SimulatedClient]:
        """Returns one client, or all, at the time that it is."""
        chosen = self.clients if number is None else [self.clients[number]]
        for client in chosen:
            client.now = self._now
        return chosen


def settings_of(plan: Plan, number: int) -> Settings:
    """Returns what a client of a plan is made with."""
    seed = b"%s/client %d" % (plan.seed, number)
    return Settings(
        api_url="http://localhost", api_key=API_KEY, seed=seed, reconnect=plan.reconnect, limits=plan.limits
    )
