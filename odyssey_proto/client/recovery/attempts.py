"""
How often a lost session is replaced, and after which pauses.

Two bounds: one for each loss, and one for the whole connection, so that a streamer that crashes again and
again does not keep a client busy for ever.
The pauses are drawn from zero to a bound that grows (full jitter): clients that lost the same service at
the same moment come back one by one.
Only a loss whose reason is near this machine, such as an address that is gone, is followed at once: it is
not shared by others, but by those on the same link.
What no further attempt can change, such as a refused key or a quota that is used up, is not tried again.
"""

from odyssey_proto.client.live.path_check import in_own_network
from odyssey_proto.client.rest.backoff import Backoff
from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.failures import Failure
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.model.config import ReconnectPolicy

MAX_RETRY_AFTER = seconds(300)
"""How long the service may ask us to wait (Retry-After); for longer nobody waits."""


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
        if self.count == 1 and in_own_network(failure):
            return asked
        return max(self._delays.jittered(self.count, self._entropy), asked)
