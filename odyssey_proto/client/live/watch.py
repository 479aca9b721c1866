"""What is looked after while a session is up: that frames come, and that no limit surprises anybody."""

from odyssey_proto.client.live.duration_limits import Lifetimes
from odyssey_proto.client.live.stall_watch import FrameWatch
from odyssey_proto.kernel.machine import Deadline, Instant, earliest
from odyssey_proto.model.config import Limits
from odyssey_proto.model.events import Lifetime
from odyssey_proto.seam.inputs import PeerId
from odyssey_proto.seam.outputs import AskKeyframe, Happened


class Watch:
    """Watches one session, from its open signaling connection to its end."""

    def __init__(self, limits: Limits) -> None:
        self._frames = FrameWatch()
        self._lifetimes = Lifetimes(limits)

    def opened(self, now: Instant) -> None:
        """The signaling connection is open: the service counts from here."""
        self._lifetimes.begin(now, Lifetime.CONNECTION)

    def live(self, now: Instant, live: bool, *, ready: bool) -> None:
        """Tells whether a stream is live, and whether its frames can come."""
        self._frames.live(now, live and ready)
        if live:
            self._lifetimes.begin(now, Lifetime.STREAM)
        else:
            self._lifetimes.end(Lifetime.STREAM)

    def over(self, now: Instant) -> None:
        """The session is over: there is nothing to look after."""
        self.live(now, False, ready=False)
        self._lifetimes.end(Lifetime.CONNECTION)

    def seen(self, now: Instant, received: int) -> list[Happened]:
        """Takes the count of frames so far."""
        return self._frames.seen(now, received)

    def wake(self, now: Instant, peer: PeerId) -> list[Happened | AskKeyframe]:
        """Carries out whatever is due."""
        return [*self._lifetimes.wake(now), *self._frames.wake(now, peer)]

    @property
    def deadline(self) -> Deadline | None:
        """When the next frame is overdue, or the next limit near."""
        return earliest(self._frames.deadline, self._lifetimes.deadline)
