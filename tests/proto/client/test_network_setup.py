"""What has to be set up before anybody is reached is named, and nobody tries again by themselves."""

import pytest

from odyssey_proto.client.rest.transport_failures import broken
from odyssey_proto.kernel.failures import Fault
from odyssey_proto.seam.inputs import TransportError, TransportErrorKind

SETUP = (TransportErrorKind.CERTIFICATE, TransportErrorKind.PROXY)


@pytest.mark.parametrize("kind", TransportErrorKind)
def test_only_what_is_ours_to_set_up_is_repeated_in_the_error(kind: TransportErrorKind) -> None:
    failure = broken(TransportError(kind, "host.example: it has expired"), "connecting")
    assert failure.code == f"network.{kind.value}"
    assert ("it has expired" in failure.text) is (kind in SETUP)
    if kind in SETUP:
        assert not failure.retryable
        assert failure.fault is Fault.NETWORK
