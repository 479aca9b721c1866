"""Who may talk to a service: hosts, origins of pages, and how much a request may bring."""

import json
import re
from contextlib import suppress
from typing import Any

import pytest

from odyssey_proto.kernel.failures import RemoteProtocolError
from odyssey_proto.kernel.machine import Instant, seconds
from odyssey_proto.playback import Playback
from odyssey_proto.seam.http import HttpRequest
from odyssey_proto.service.io.access import AccessPolicy
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.rest.routes import MAX_JOB_BYTES
from odyssey_proto.wire.http1 import MAX_BODY_BYTES
from tests.proto.service.service_by_hand import ServiceByHand

AT = "127.0.0.1:8080"


def allowed(policy: AccessPolicy, host: str | None = AT, origin: str | None = None) -> bool:
    headers = [(name, value) for name, value in (("host", host), ("origin", origin)) if value is not None]
    request = HttpRequest("GET", "/regions", headers=tuple(headers))
    with suppress(RemoteProtocolError):
        policy.check(request)
        return True
    with pytest.raises(RemoteProtocolError, match="--allow-") as caught:
        policy.check(request)
    assert caught.value.status == 403
    return False


@pytest.mark.parametrize(
    ("host", "usually"),
    [
        (AT, True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("service.localhost:1", True),
        ("127.8.9.1", True),
        ("[::1]:8080", True),
        ("[2001:db8::1]", True),
        ("192.168.0.7:80", True),
        (None, True),
        ("evil.example", False),
        ("evil.example:8080", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("user@localhost", False),
        ("", False),
        ("a b", False),
        ("localhost:x", False),
    ],
)
def test_a_service_answers_to_addresses_and_to_its_names(host: str | None, usually: bool) -> None:
    assert allowed(AccessPolicy(), host) is usually


def test_further_names_of_a_service() -> None:
    named = AccessPolicy(hosts=["Box.example", "[::1]"])
    assert allowed(named, "box.example:8080")
    assert not allowed(named, "other.example")
    assert allowed(AccessPolicy(hosts=["*"]), "other.example")
    assert not allowed(AccessPolicy(hosts=["*"]), "no host")


@pytest.mark.parametrize(
    ("origin", "usually"),
    [
        (None, True),
        (f"http://{AT}", True),
        ("http://localhost:3000", True),
        ("https://app.localhost", True),
        ("http://127.0.0.1:5173", True),
        ("http://[::1]:5173", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://192.168.0.9:80", False),
        ("null", False),
        ("", False),
        ("chrome-extension://abc", False),
    ],
)
def test_pages_of_this_machine_may_use_a_service_and_no_others(origin: str | None, usually: bool) -> None:
    assert allowed(AccessPolicy(), origin=origin) is usually
    assert allowed(AccessPolicy(origins=["*"]), origin=origin)


def test_a_page_that_the_address_itself_serves_is_at_home() -> None:
    assert allowed(AccessPolicy(), "192.168.0.9:80", "http://192.168.0.9:80")


def test_further_origins() -> None:
    policy = AccessPolicy(origins=["https://App.example/path", "null", "http://dev.example:80"])
    assert allowed(policy, origin="https://app.example")
    assert allowed(policy, origin="null")
    assert allowed(policy, origin="http://dev.example")
    assert not allowed(policy, origin="http://app.example")


@pytest.mark.parametrize(
    "make", [lambda url: AccessPolicy(origins=[url]), lambda url: ServiceConfig(script_origins=[url])]
)
@pytest.mark.parametrize("url", ["app.example", "ftp://app.example", "", "https://"])
def test_what_is_no_origin_is_refused(make: Any, url: str) -> None:
    with pytest.raises(ValueError, match=re.escape("an origin looks like https://example.com")):
        make(url)


def head(path: str, token: str = "", method: str = "POST") -> HttpRequest:
    return HttpRequest(method, path, headers=(("authorization", f"Bearer {token}"),) if token else ())


def test_only_a_simulation_of_somebody_who_is_known_may_bring_much() -> None:
    guest = ServiceByHand(access_seconds=5)
    guest.enter()
    service = guest.service

    def most(request: HttpRequest) -> int:
        return service.max_body(guest.now, request)

    assert most(head("/simulation-jobs", guest.access)) == MAX_JOB_BYTES
    assert most(head("/simulation-jobs")) == MAX_BODY_BYTES
    assert most(head("/simulation-jobs", "made-up")) == MAX_BODY_BYTES
    assert most(head("/simulation-jobs", guest.access, "GET")) == MAX_BODY_BYTES
    for path in ("/auth/token", "/sessions/request", "/nowhere"):
        assert most(head(path, guest.access)) == MAX_BODY_BYTES
    assert (
        service.max_body(Instant(guest.now + seconds(5)), head("/simulation-jobs", guest.access))
        == MAX_BODY_BYTES
    )
    assert json.loads(guest.reply("GET", "/simulation-jobs").body)["total"] == 0


def test_a_trace_takes_what_was_not_recorded_only_if_it_is_small() -> None:
    assert Playback(()).max_body(Instant(0), head("/simulation-jobs", "t")) == MAX_BODY_BYTES
