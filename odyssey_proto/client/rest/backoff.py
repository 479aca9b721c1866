"""How long to wait before the next try."""

from attrs import frozen

from odyssey_proto.kernel.entropy import Entropy
from odyssey_proto.kernel.machine import Span
from odyssey_proto.model.config import AdvancedConfig


@frozen
class Backoff:
    """Delays that grow by a factor up to a bound."""

    first: Span
    longest: Span
    factor: float = 2.0

    def after(self, tries: int) -> Span:
        """Returns the delay after so many failed tries (1 or more)."""
        delay = float(self.first)
        for _ in range(tries - 1):
            if delay >= self.longest:
                break
            delay *= self.factor
        return Span(min(int(delay), self.longest))

    def jittered(self, tries: int, entropy: Entropy) -> Span:
        """Returns a delay drawn from zero to `after(tries)`: full jitter keeps clients apart."""
        return entropy.span(self.after(tries))


def configured(config: AdvancedConfig) -> Backoff:
    """Returns the delays between attempts at the signaling connection (docs/protocol.md#attempts)."""
    return Backoff(
        Span(config.initial_retry_delay_ms * 1000),
        Span(config.max_retry_delay_ms * 1000),
        config.retry_backoff_multiplier,
    )
