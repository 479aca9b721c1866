"""Account limits, as the service reports them (docs/protocol.md#usage-limits)."""

from collections.abc import Mapping
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Any

from attrs import field, frozen


@unique
class UsageCode(StrEnum):
    """The documented codes; a limit may carry others."""

    MONTHLY_LIMIT_REACHED = "MONTHLY_LIMIT_REACHED"
    CONCURRENT_LIMIT_REACHED = "CONCURRENT_LIMIT_REACHED"
    STREAM_DURATION_EXCEEDED = "STREAM_DURATION_EXCEEDED"
    ACCOUNT_SUSPENDED = "ACCOUNT_SUSPENDED"
    RATE_LIMITED = "RATE_LIMITED"


UNKNOWN = "UNKNOWN"
"""The code of a limit that does not say its own, as in the official clients."""

PASSING = frozenset({UsageCode.CONCURRENT_LIMIT_REACHED, UsageCode.RATE_LIMITED})
"""The limits that end by waiting."""


@frozen
class UsageLimit:
    """An account limit that stopped a call."""

    code: str
    message: str
    action: str = ""
    action_url: str | None = None
    details: tuple[tuple[str, Any], ...] = field(default=())
    """Pairs of the wire's names and JSON values, in the order of the wire."""

    @property
    def passes(self) -> bool:
        """Whether waiting ends this limit."""
        return self.code in PASSING

    @property
    def detail(self) -> Mapping[str, Any]:
        """The details by name."""
        return MappingProxyType(dict(self.details))
