"""
A program in a network of its own: `python -m house.netns [--ipv6-only | --link ADDRESS SOCKET] PROGRAM …`.

The new network namespace has nothing but the loopback interface, which is brought up; with `--ipv6-only` it
has no IPv4 address either; with `--link` it has one interface more, whose packets whoever started it gets and
gives (house/link.py): the descriptor for that is sent over the socket of that number.
Nothing outside is changed, and nothing has to be installed.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
from typing import NoReturn

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK, _IFF_UP = 0x8913, 0x8914, 0x8916, 0x891C, 1
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_LINK = b"link0"
FORBIDDEN = 77
"""The exit status where this machine allows nobody a network of their own."""

REQUIRED = "ODYSSEY_NETWORKS_REQUIRED"
"""Set where a machine that allows no network namespaces is an error, as in CI."""


def main(arguments: list[str]) -> int:
    """Runs the program, and returns its exit status."""
    try:
        _unshare()
    except OSError as error:
        sys.stderr.write(f"no network namespace: {error.strerror}\n")
        return FORBIDDEN
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _bring_up(control, b"lo")
        if arguments[0] == "--link":
            _, address, channel, *arguments = arguments
            try:
                _make_link(address, int(channel))
            except OSError as error:
                sys.stderr.write(f"no TUN interface: {error.strerror}\n")
                return FORBIDDEN
            # So that whoever started this can end the program.
            os.execv(sys.executable, [sys.executable, *arguments])
        if arguments[0] == "--ipv6-only":
            arguments = arguments[1:]
            fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("16sHH4s16x", b"lo", socket.AF_INET, 0, bytes(4)))
    return subprocess.run([sys.executable, *arguments], check=False).returncode


def forbidden(reason: str) -> NoReturn:
    """Skips a test where this machine allows no network namespace, or fails it where that is an error."""
    import pytest

    if REQUIRED in os.environ:
        pytest.fail(f"this machine has to allow network namespaces: {reason.strip()}")
    pytest.skip(f"this machine allows no network namespace: {reason.strip()}")


def set_link_address(address: str) -> None:
    """Gives the link of this namespace another address, in a network of 256 of them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, "255.255.255.0")):
            packed = struct.pack("16sHH4s16x", _LINK, socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(control, request, packed)
        _bring_up(control, _LINK)


def set_loopback(*, up: bool) -> None:
    """Brings the loopback interface of this namespace up or down, as a link that comes and goes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _bring_up(control, b"lo", up=up)


def _make_link(address: str, channel: int) -> None:
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", _LINK, _IFF_TUN | _IFF_NO_PI))
    set_link_address(address)
    with socket.socket(fileno=channel) as give:
        socket.send_fds(give, [b"link"], [descriptor])
    os.close(descriptor)


def _bring_up(control: socket.socket, interface: bytes, *, up: bool = True) -> None:
    asked = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh22x", interface, 0))
    flags = struct.unpack("16sh22x", asked)[1]
    flags = flags | _IFF_UP if up else flags & ~_IFF_UP
    fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", interface, flags))


def _unshare() -> None:
    try:
        os.unshare(os.CLONE_NEWNET)
    except PermissionError:
        # Whoever is not root may be root in a user namespace.
        os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
