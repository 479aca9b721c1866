"""
Which addresses this machine has, and loopback where it has no other, as a container without a network.

aioice leaves 127.0.0.1 and ::1 out, since nobody else can reach them (RFC 8445 section 5.1.1.1).
Where there is nothing else, two programs on one machine find each other there.
"""

import errno
import socket

LOOPBACK = ("127.0.0.1", "::1")

MISSING = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""What says that this machine does not have an address."""


def loopback_addresses() -> list[str]:
    """Returns the addresses of loopback that this machine has."""
    return [address for address in LOOPBACK if has_address(address)]


def has_address(address: str) -> bool:
    """Tells whether this machine has an address, by an attempt to bind to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError as error:
        # Another error, such as too many open files, says nothing about the address.
        return error.errno not in MISSING
    return True
