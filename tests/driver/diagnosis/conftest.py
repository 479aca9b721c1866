"""Short times, and certificates, for everything that a diagnosis is to find."""

import ssl
from collections.abc import Callable

import pytest
import trustme

from odyssey.diagnosis import doctor


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not come is waited for briefly, and no proxy of this machine is in the way."""
    monkeypatch.setattr(doctor, "WATCH_SECONDS", 0.2)
    monkeypatch.setattr(doctor, "STEP_SECONDS", 1.0)
    for name in ("https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What a client checks certificates with."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def certified(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """Returns what a server shows its certificate with."""

    def context(*names: str, by: trustme.CA = authority, **options: object) -> ssl.SSLContext:
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        by.issue_cert(*names, **options).configure_cert(made)  # type: ignore[arg-type]  # passed on as they are
        return made

    return context
