"""
Loopback as an address of this machine where it has no other, as a container without a network.

aioice leaves it out (RFC 8445 section 5.1.1.1), and our client takes it by itself; parts that are not ours,
and an aiortc that is not known, would find no path at all.
"""

import pytest
from aioice import ice

from odyssey_anyio.media.loopback import loopback_addresses


def offer_loopback(patch: pytest.MonkeyPatch) -> None:
    """Lets aioice find loopback where it finds nothing."""
    if not ice.get_host_addresses(use_ipv4=True, use_ipv6=True):
        found = loopback_addresses()
        patch.setattr(ice, "get_host_addresses", lambda use_ipv4, use_ipv6: found)
