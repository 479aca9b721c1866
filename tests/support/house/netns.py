"""
A program in a network of its own: `python -m house.netns [OPTIONS] PROGRAM …`.

The new network namespace has nothing but the loopback interface, which is brought up.
With `--ipv6-only` it has no IPv4 address either.
With `--link ADDRESSES SOCKET` it has one interface more, whose packets whoever started it gets and gives
(house/link.py): the descriptor for that is sent over the socket of that number.
The addresses of the link stand with commas between them, those of IPv4 and of IPv6; without one of IPv4,
loopback has none either.
With `--mtu SIZE` that interface takes no larger packets.
With `--hosts FILE` the program finds that in the place of `/etc/hosts`.
Nothing outside is changed, and nothing has to be installed.
"""

import argparse
import errno
import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from typing import NoReturn

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK, _IFF_UP = 0x8913, 0x8914, 0x8916, 0x891C, 1
_SIOCSIFMTU = 0x8922
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_LINK = b"link0"
_ADDRESS_SECONDS = 20.0
"""How long an address may take until it can be used."""
FORBIDDEN = 77
"""The exit status where this machine allows nobody a network of their own."""

REQUIRED = "ODYSSEY_NETWORKS_REQUIRED"
"""Set where a machine that allows no network namespaces is an error, as in CI."""


def main(arguments: list[str]) -> int:
    """Runs the program, and returns its exit status."""
    reads = argparse.ArgumentParser(prog="python -m house.netns")
    reads.add_argument("--ipv6-only", action="store_true")
    reads.add_argument("--hosts")
    reads.add_argument("--link", nargs=2)
    reads.add_argument("--mtu", type=int)
    options, program = reads.parse_known_args(arguments)
    command = [sys.executable, *program]
    try:
        _unshare(os.CLONE_NEWNET if options.hosts is None else os.CLONE_NEWNET | os.CLONE_NEWNS)
        if options.hosts is not None:
            _replace_hosts(options.hosts)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"no network namespace: {error}\n")
        return FORBIDDEN
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _bring_up(control, b"lo")
        if options.ipv6_only or (options.link and "." not in options.link[0]):
            fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("16sHH4s16x", b"lo", socket.AF_INET, 0, bytes(4)))
        if options.link:
            try:
                _make_link(options.link[0].split(","), int(options.link[1]))
            except OSError as error:
                sys.stderr.write(f"no TUN interface: {error.strerror}\n")
                return FORBIDDEN
            if options.mtu is not None:
                fcntl.ioctl(control, _SIOCSIFMTU, struct.pack("16si20x", _LINK, options.mtu))
            # So that whoever started this can end the program.
            os.execv(sys.executable, command)
    return subprocess.run(command, check=False).returncode


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


def _set_link_address_6(address: str) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        index = socket.if_nametoindex(_LINK.decode())
        packed = struct.pack("16sIi", socket.inet_pton(socket.AF_INET6, address), 64, index)
        fcntl.ioctl(control, _SIOCSIFADDR, packed)
        _bring_up(control, _LINK)
    # Until the system has made sure that nobody else has it, which takes long on a busy machine, nothing can
    # be bound to an address (RFC 4862 section 5.4).
    until = time.monotonic() + _ADDRESS_SECONDS
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as binds:
        while True:
            try:
                return binds.bind((address, 0))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL or time.monotonic() > until:
                    raise
                time.sleep(0.01)


def set_loopback(*, up: bool) -> None:
    """Brings the loopback interface of this namespace up or down, as a link that comes and goes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        _bring_up(control, b"lo", up=up)


def _make_link(addresses: list[str], channel: int) -> None:
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", _LINK, _IFF_TUN | _IFF_NO_PI))
    for address in addresses:
        (_set_link_address_6 if ":" in address else set_link_address)(address)
    with socket.socket(fileno=channel) as give:
        socket.send_fds(give, [b"link"], [descriptor])
    os.close(descriptor)


def _bring_up(control: socket.socket, interface: bytes, *, up: bool = True) -> None:
    asked = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh22x", interface, 0))
    flags = struct.unpack("16sh22x", asked)[1]
    flags = flags | _IFF_UP if up else flags & ~_IFF_UP
    fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", interface, flags))


def _unshare(kinds: int) -> None:
    try:
        os.unshare(kinds)
    except PermissionError:
        # Whoever is not root may be root in a user namespace.
        os.unshare(os.CLONE_NEWUSER | kinds)


def _replace_hosts(hosts: str) -> None:
    # What is mounted here stays here.
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
