"""
How often a lost session is replaced, and after which pauses.

Two bounds: one for each loss, and one for the whole connection, so that a streamer that crashes again and
again does not keep a client busy for ever.
The pauses are drawn from zero to a bound that grows (full jitter): clients that lost the same service at
the same moment come back one by one.
Two losses cannot wait so long.
That an address of this machine is gone is shared by nobody, and followed at once; what leads nowhere any more
may be a NAT near this machine, or a host with many clients, and is followed within half a second.
What no further attempt can change, such as a refused key or a quota that is used up, is not tried again.
"""

from odyssey_proto.client.live.path_check import NO_ROUTE, PATH_LOST
from odyssey_proto.client.rest.backoff import Backoff
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.machine import Span, millis, seconds
from odyssey_proto.model.config import ReconnectPolicy

MAX_RETRY_AFTER = seconds(300)
"""How long the service may ask us to wait (Retry-After); for longer nobody waits."""

_FIRST_DELAYS = {NO_ROUTE: Span(0), PATH_LOST: millis(500)}
"""The bound of the first pause after these losses."""


class Attempts:
    """Counts the attempts to replace a session, under a policy; `most` bounds them over all losses."""

    def __init__(self, policy: ReconnectPolicy, entropy: Entropy, most: int | None = None) -> None:
        self._policy = policy
        self._most = most
        self._entropy = entropy
        self._delays = Backoff(seconds(policy.first_delay), seconds(policy.longest_delay))
        self._in_all = 0
        self.count: int = 0
        """How many there were since the last loss."""

    def begin(self, made: int = 0) -> None:
        """A session was lost, or is to be renewed: counts anew, `made` attempts already."""
        self.count = made

    def next(self, failure: Failure) -> Span | None:
        """
        Returns the pause before the next attempt, which counts with that; `None` if there is none.

        `failure` is the loss, or why the attempt before failed.
        """
        asked = failure.retry_after or Span(0)
        over = self.count >= self._policy.per_loss or (self._most is not None and self._in_all >= self._most)
        if over or not failure.retryable or asked > MAX_RETRY_AFTER:
            return None
        self.count += 1
        self._in_all += 1
        longest = self._delays.after(self.count)
        if self.count == 1:
            longest = min(longest, _FIRST_DELAYS.get(failure.code, longest))
        return max(self._entropy.span(longest), asked)
