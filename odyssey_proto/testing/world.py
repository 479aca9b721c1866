"""
A client and the real service joined in memory, in virtual time: whole conversations without a socket.

What goes wrong is a plan of faults (`ServiceConfig(faults=...)`), or a rule that sees everything that
is on its way (`World.intercept`, `drop`, `replace`) and may lose or change it.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

from odyssey_proto.client.client import Client
from odyssey_proto.conversations import Side
from odyssey_proto.kernel.machine import Instant, Machine, Span, after, millis, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.seam.commands import Abandon
from odyssey_proto.seam.inputs import ABNORMAL_CLOSURE, GOING_AWAY, Wake
from odyssey_proto.seam.settings import Settings
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.seam import Show
from odyssey_proto.service.service import Service
from odyssey_proto.testing.fake_media import FakeMedia, Owner
from odyssey_proto.testing.network import Network, Rule
from odyssey_proto.testing.transcript import IssuedCommand, Step, Transcript

DELAY = millis(10)
"""How long anything takes from one side to the other."""

COMMAND_TIME = seconds(300)
"""How long `do` waits for a command to end: the phases of a connect, each with its own end, add up."""

SETTINGS = Settings(api_url="http://localhost", api_key=Secret("ody_test"), seed=b"client")


class World(Transcript):
    """
    Runs a client against a service.

    Everything that crosses between them takes `delay`; time jumps from one thing to the next.
    Commands run until they ended: `world.start("A cat").result` is the id of the stream.
    With `frames_every` frames arrive so often on every peer that receives video.
    Films are drawn at once, and the body of a file that is fetched comes in two halves.
    `service_steps` are all steps of the service, and `shown` has every scene that it showed.
    """

    now: Instant

    def __init__(
        self,
        client: Client | None = None,
        service: Machine[Any, Any] | None = None,
        *,
        delay: Span = DELAY,
        media: FakeMedia | None = None,
        frames_every: Span | None = None,
    ) -> None:
        self.client: Client = client or Client(SETTINGS)
        super().__init__(self.client)
        self.service: Machine[Any, Any] | Service = service or Service(ServiceConfig(), seed=b"service")
        self.media: FakeMedia = media or FakeMedia()
        self.service_steps: list[Step] = []
        self.shown: list[Show] = []
        self._network = Network((Side.CLIENT,), delay, self.media)
        self._frames_every = frames_every
        self._next_frames = Instant(frames_every or 0)

    # --- what a test says -----------------------------------------------------------------------

    def do(self, what: Any, within: Span = COMMAND_TIME) -> IssuedCommand:
        """Gives a command and runs until it ended; it may still be pending if that takes longer."""
        command = self.give(what)
        self.run(within, until=lambda: not command.pending)
        return command

    def abandon(self, command: IssuedCommand) -> IssuedCommand:
        """Gives up on a command, and does not wait until what it held is given back."""
        return self.give(Abandon(command.id))

    def wait(self, span: Span) -> None:
        """Lets time pass."""
        self.run(span)

    def run(self, span: Span, until: Callable[[], bool] = lambda: False) -> None:
        """Lets time pass, until it is over or the condition holds."""
        ends = after(self.now, span)
        while not until():
            moment = self._next()
            if moment is None or moment > ends:
                self.now = ends
                return
            self.now = moment
            self._turn()

    def frames(self, count: int = 24) -> None:
        """Lets frames arrive."""
        self._network.deliver(self.now, self.media.frames(count))

    def lose_media(self) -> None:
        """Breaks the peer connection."""
        self._network.lose_media(self.now)

    def close_sockets(self, code: int = ABNORMAL_CLOSURE) -> None:
        """Ends every WebSocket between the two: with this code, or by a broken connection."""
        self._network.close_sockets(self.now, code)

    def forget_flows(self) -> None:
        """Lets nothing more come by the WebSockets and peers that there are, as a NAT that forgot them."""
        self._network.forget_flows(self.now, Side.CLIENT)

    def restart_service(self, service: Machine[Any, Any]) -> None:
        """Puts another service in the place of this one, as if it had been started again."""
        self.close_sockets(GOING_AWAY)
        self.lose_media()
        self.service = service

    def intercept(self, rule: Rule) -> None:
        """Lets a rule see everything that is on its way from now on."""
        self._network.rules.append(rule)

    def drop(self, kind: type[Any], to: Side = Side.CLIENT, times: int | None = None) -> None:
        """Loses inputs of one class on their way to a side: so many, or all."""
        self.replace(kind, lambda inp: None, to, times)

    def replace(
        self, kind: type[Any], by: Callable[[Any], Any], to: Side = Side.CLIENT, times: int | None = None
    ) -> None:
        """Changes inputs of one class on their way to a side: so many, or all."""
        left = iter(range(times)) if times is not None else count()

        def rule(side: Owner, inp: Any) -> Any:
            fits = side is to and isinstance(inp, kind)
            return by(inp) if fits and next(left, None) is not None else inp

        self.intercept(rule)

    # --- what happens ---------------------------------------------------------------------------

    def _next(self) -> Instant | None:
        found = (self.client.deadline, self.service.deadline)
        moments = [deadline.at for deadline in found if deadline is not None]
        if self._network.next_at is not None:
            moments.append(self._network.next_at)
        if self._frames_every is not None:
            moments.append(self._next_frames)
        return max(min(moments), self.now) if moments else None

    def _turn(self) -> None:
        arrival = self._network.next_at
        if arrival is not None and arrival <= self.now:
            self._arrive(*self._network.take())
            return
        for side, machine in ((Side.CLIENT, self.client), (Side.SERVER, self.service)):
            deadline = machine.deadline
            if deadline is not None and deadline.at <= self.now:
                self._arrive(side, Wake())
        if self._frames_every is not None and self._next_frames <= self.now:
            self._next_frames = after(self.now, self._frames_every)
            self.frames()

    def step(self, inp: Any) -> list[Any]:
        """Hands the client an input, now, and carries out what it gives."""
        outputs = super().step(inp)
        for output in outputs:
            self._network.carry(self.now, Side.CLIENT, output)
        return outputs

    def _arrive(self, side: Owner, inp: Any) -> None:
        if side is Side.CLIENT:
            self.step(inp)
            return
        outputs = tuple(self.service.step(self.now, inp))
        self.service_steps.append(Step(self.now, inp, outputs, self.service.deadline))
        self.shown += [output for output in outputs if isinstance(output, Show)]
        for output in outputs:
            self._network.carry(self.now, side, output)
