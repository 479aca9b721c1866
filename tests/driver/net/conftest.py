"""Certificates that the tests trust, and some that they do not."""

import ssl
from collections.abc import Callable

import pytest
import trustme


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
