"""What a client learns of the service before it reserves a session: access token and region map."""

from attrs import frozen

from odyssey_proto.kernel.secret import Secret
from odyssey_proto.model.address import Region

REGION_MAP_LIFETIME = 600_000_000
"""After so many microseconds a map is measured anew where there is time, and no other client takes it."""


@frozen
class RegionMap:
    """How far the regions are."""

    latencies: tuple[tuple[str, int], ...]
    """Each region's id and the milliseconds to it; none if they could not be measured."""
    nearest: Region | None
    """The one that answered first."""
    measured: int
    """When that was, in microseconds since 1970 (UTC)."""

    def old(self, wall: int) -> bool:
        """Tells whether it is to be measured anew; `wall` is the time of day, as in `measured`."""
        # Before it was measured, too: then one of two clocks is wrong.
        return not self.measured <= wall < self.measured + REGION_MAP_LIFETIME


@frozen
class ServiceAccess:
    """What clients of one key can share, and a client may begin with."""

    token: Secret | None = None
    token_ends: int = 0
    """When the token is to be replaced, in microseconds since 1970 (UTC)."""
    regions: RegionMap | None = None
