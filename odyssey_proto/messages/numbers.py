"""Numbers in the form that the wire has them in."""

from odyssey_proto.kernel.machine import Span


def in_seconds(span: Span) -> int | float:
    """Returns a length of time in seconds, as a whole number if it is one."""
    whole, rest = divmod(span, 1_000_000)
    return span / 1_000_000 if rest else whole
