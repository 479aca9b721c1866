"""What a service can be made with."""

import pytest

from odyssey_proto.kernel.secret import Secret
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.service import Service
from tests.proto.service.service_by_hand import KEY, ServiceByHand


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("capacity", -1),
        ("capacity", 1.5),
        ("capacity", True),
        ("concurrent", -1),
        ("access_seconds", 0),
        ("token_seconds", -1),
        ("unclaimed_seconds", float("nan")),
        ("negotiation_seconds", float("inf")),
        ("idle_seconds", 0),
        ("stream_seconds", "150"),
        ("connection_seconds", None),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        ServiceConfig(**{name: value})  # type: ignore[arg-type]  # wrong on purpose


def test_keys_are_kept_secret() -> None:
    config = ServiceConfig(keys=[KEY], suspended_keys=[Secret("ody_bad"), "ody_worse"])
    assert config.keys == (Secret(KEY),)
    assert config.suspended_keys == (Secret("ody_bad"), Secret("ody_worse"))
    assert "ody_" not in repr(config)


def test_reprs_tell_no_secrets() -> None:
    guest = ServiceByHand(keys=[KEY])
    host = guest.ready()
    service = guest.service
    client = service._clients[host.socket]
    shown = [
        service,
        service._desk,
        service._desk._rest._accounts,
        service._sessions,
        service._faults,
        client,
        client._streamer_peer and client._streamer_peer.streamer,
    ]
    text = " ".join(map(repr, shown))
    assert "<Service 1 clients, <Sessions 1 of 8>, <Films" in text
    assert not any(secret in text for secret in guest.secrets)


def test_a_service_at_rest_waits_for_nothing() -> None:
    assert Service(ServiceConfig()).deadline is None
