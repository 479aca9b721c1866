"""
A program in a network of its own: `python -m house.netns [--ipv6-only] PROGRAM …`.

The new network namespace has nothing but the loopback interface, which is brought up; with `--ipv6-only` it
has no IPv4 address either.
Nothing outside is changed, and nothing has to be installed.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR, _IFF_UP = 0x8913, 0x8914, 0x8916, 1
FORBIDDEN = 77
"""The exit status where this machine allows nobody a network of their own."""


def main(arguments: list[str]) -> int:
    """Runs the program, and returns its exit status."""
    try:
        _unshare()
    except OSError as error:
        sys.stderr.write(f"no network namespace: {error.strerror}\n")
        return FORBIDDEN
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", asked)[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))
        if arguments[0] == "--ipv6-only":
            arguments = arguments[1:]
            fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("16sHH4s16x", b"lo", socket.AF_INET, 0, bytes(4)))
    return subprocess.run([sys.executable, *arguments], check=False).returncode


def _unshare() -> None:
    try:
        os.unshare(os.CLONE_NEWNET)
    except PermissionError:
        # Whoever is not root may be root in a user namespace.
        os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
