"""Debian's coturn, as a TURN server of this machine for the length of a block."""

import base64
import hmac
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme
from attrs import frozen

TURNSERVER = shutil.which("turnserver")

READY = 10.0
"""How long the server may take to come up, in seconds."""

USER, WORD = "canary-turn-user", "canary-turn-word"


def credentials_until(expiry: float) -> tuple[str, str]:
    """Returns a user and a password that are good until then, for a server that is asked for `expiring`."""
    user = f"{int(expiry)}:{USER}"
    return user, base64.b64encode(hmac.digest(WORD.encode(), user.encode(), "sha1")).decode()


@frozen
class Turn:
    """A running server: its port for UDP and TCP, and what it logged."""

    port: int
    tls_port: int
    log: Path
    host: str = "127.0.0.1"

    def logged(self, what: str) -> int:
        """Counts the lines of its log with some words."""
        return sum(what in line for line in self.log.read_text().splitlines())

    def url(self, transport: str = "udp") -> str:
        """Returns its address: by `udp`, `tcp` or `tls`."""
        if transport == "tls":
            name = "localhost" if self.host == "127.0.0.1" else self.host
            return f"turns:{name}:{self.tls_port}?transport=tcp"
        return f"turn:{self.host}:{self.port}?transport={transport}"


def free_port() -> int:
    """Returns a port that nobody uses, for UDP and for TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@contextmanager
def relaying(
    folder: Path, authority: trustme.CA, host: str = "127.0.0.1", *, expiring: bool = False
) -> Iterator[Turn]:
    """
    Runs a server that knows one user, and has a certificate of an authority.

    With `expiring`, its users are those of `credentials_until`.
    """
    assert TURNSERVER is not None
    turn = Turn(free_port(), free_port(), folder / "turn.log", host)
    certificate = authority.issue_cert("localhost" if host == "127.0.0.1" else host)
    users = ("--use-auth-secret", "--static-auth-secret", WORD) if expiring else ("--user", f"{USER}:{WORD}")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "turn.pem")
    options = [
        *("--no-dtls", "--no-cli", "--tls-listening-port", str(turn.tls_port)),
        *("--cert", str(folder / "turn.pem"), "--pkey", str(folder / "turn.pem")),
        *("--allow-loopback-peers", "--lt-cred-mech", "-v", "-n"),
        *("--listening-ip", host, "--relay-ip", host, "--listening-port", str(turn.port)),
        *("--realm", "here", *users, "--simple-log", "--log-file", str(turn.log)),
        *("--pidfile", str(folder / "turn.pid"), "--userdb", str(folder / "turn.db")),
    ]
    process = subprocess.Popen(
        [TURNSERVER, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
    )
    try:
        _wait(turn, process)
        yield turn
    finally:
        process.terminate()
        process.wait(READY)


def _wait(turn: Turn, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + READY
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the TURN server ended with {process.returncode}")
        try:
            socket.create_connection((turn.host, turn.port), 0.2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the TURN server did not come up")
