"""What a diagnosis is made of: one check after another, on the way from a host name to a picture."""

from collections.abc import Mapping
from enum import StrEnum, unique
from typing import Any

from attrs import field, frozen

from odyssey_anyio.errors.trace import ErrorTrace
from odyssey_proto.kernel.introspection import html_table


@unique
class CheckState(StrEnum):
    """What came of a check."""

    OK = "ok"
    """It works."""
    WARNING = "warning"
    """It works, but not as it should."""
    FAILED = "failed"
    """It does not work."""
    NOT_TRIED = "not tried"
    """What goes before it failed, or there is nothing to try."""


@unique
class CheckName(StrEnum):
    """Every check, each after those that it needs: so the first that failed is the cause."""

    DNS = "DNS"
    """The host name is known."""
    PROXY = "proxy"
    """A proxy that the environment names lets us through."""
    TCP = "TCP"
    """A connection is accepted."""
    TLS = "TLS"
    """The certificate holds."""
    HTTP = "HTTP"
    """The service answers."""
    CLOCK = "clock"
    """The clocks agree."""
    KEY = "API key"
    """The key is exchanged for an access token."""
    REGIONS = "regions"
    """Regions answer, each with its latency."""
    QUEUE = "queue"
    """A streamer is free."""
    TOKEN = "session token"
    """The session token is handed out."""
    ICE = "ICE configuration"
    """The service names its STUN and TURN servers."""
    SIGNALING = "signaling"
    """The WebSocket opens."""
    STUN = "STUN"
    """A STUN server says our address."""
    TURN_UDP = "TURN over UDP"
    """A TURN server gives a relay over UDP."""
    TURN_TCP = "TURN over TCP"
    """A TURN server gives a relay over TCP."""
    TURN_TLS = "TURN over TLS"
    """A TURN server gives a relay over TLS."""
    MEDIA = "media connection"
    """The peers find each other."""
    STREAM = "stream"
    """A stream starts."""
    FRAME = "first frame"
    """The first picture comes."""
    FLOW = "frames"
    """Pictures keep coming, with little loss and jitter."""
    INTERACT = "interact"
    """A prompt is acknowledged."""


@frozen
class Check:
    """One step on the way to a picture, and what came of it."""

    name: CheckName
    """What was tried."""
    state: CheckState
    """What came of it."""
    verdict: str
    """What was found, in plain words."""
    seconds: float | None = None
    """How long it took; `None` if that says nothing."""
    advice: str = ""
    """What to do about it; empty where there is nothing to do."""
    facts: Mapping[str, Any] = field(factory=dict[str, Any], hash=False)
    """What was measured, by name: plain values, and no secret among them."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the check as plain values, ready for JSON."""
        return {
            "name": self.name.value,
            "state": self.state.value,
            "seconds": self.seconds,
            "verdict": self.verdict,
            "advice": self.advice,
            "facts": dict(self.facts),
        }

    def __str__(self) -> str:
        took = "" if self.seconds is None else f" ({duration(self.seconds)})"
        advice = f"\n{'':>22}→ {self.advice}" if self.advice else ""
        return f"{SIGNS[self.state]} {self.name:<19} {self.verdict}{took}{advice}"


SIGNS = {CheckState.OK: "✓", CheckState.WARNING: "!", CheckState.FAILED: "✗", CheckState.NOT_TRIED: "·"}
"""What stands before a check in text."""


@frozen
class Diagnosis:
    """Everything that `diagnose` found: each check of `CheckName` once, in that order."""

    checks: tuple[Check, ...]
    """One for each `CheckName`, in that order."""
    trace: ErrorTrace | None = field(default=None, repr=False)
    """
    The trace of the session; `None` where none was begun.

    `await anyio.to_thread.run_sync(diagnosis.trace.save, path)` writes it without its secrets.
    """

    @property
    def ok(self) -> bool:
        """Whether nothing failed; a warning is no failure."""
        return not self._of(CheckState.FAILED)

    @property
    def cause(self) -> Check | None:
        """The first check that failed, or else the first with a warning; `None` if all is well."""
        return next(iter(self._of(CheckState.FAILED) + self._of(CheckState.WARNING)), None)

    @property
    def verdict(self) -> str:
        """The first cause, in one sentence."""
        cause = self.cause
        if cause is None:
            return "Everything that was tried works."
        begins = "It works, with a warning: " if self.ok else ""
        return f"{begins}{cause.name}: {cause.verdict}."

    def __getitem__(self, name: str) -> Check:
        """Returns the check of a name, such as `diagnosis["DNS"]`; raises `KeyError` for no such name."""
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Returns the diagnosis as plain values, ready for JSON; the trace is not among them."""
        checks = [check.to_dict() for check in self.checks]
        return {"ok": self.ok, "verdict": self.verdict, "checks": checks}

    def __str__(self) -> str:
        tried = [str(check) for check in self.checks if check.state is not CheckState.NOT_TRIED]
        left = ", ".join(check.name for check in self._of(CheckState.NOT_TRIED))
        return "\n".join(
            [
                *tried,
                *([f"{SIGNS[CheckState.NOT_TRIED]} not tried: {left}"] if left else []),
                "",
                self.verdict,
            ]
        )

    def _repr_html_(self) -> str:
        """Shows the checks in a notebook."""
        return html_table({"type": type(self).__name__, **self.to_dict()})

    def _of(self, state: CheckState) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.state is state)


def diagnosis(found: Mapping[CheckName, Check], trace: ErrorTrace | None = None) -> Diagnosis:
    """Returns a diagnosis of what was found; every other check counts as not tried, and says why."""
    checks: list[Check] = []
    for name in CheckName:
        failed = next((check for check in checks if check.state is CheckState.FAILED), None)
        why = "there was nothing to try" if failed is None else f"because this failed before: {failed.name}"
        checks.append(found.get(name) or Check(name, CheckState.NOT_TRIED, why))
    return Diagnosis(tuple(checks), trace)


def duration(seconds: float) -> str:
    """Returns a length of time for a reader."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
