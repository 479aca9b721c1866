"""The two errors of the core can travel, and carry what is known."""

import copy
import pickle
from typing import Any

import pytest

from odyssey_proto.kernel.failures import Failure, FailureKind, LocalProtocolError, RemoteProtocolError

WAYS = [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]


@pytest.mark.parametrize("again", WAYS)
def test_ours_carries_its_failure(again: Any) -> None:
    failure = Failure(FailureKind.STATE, "not connected", code="state.not_connected")
    copied = again(LocalProtocolError(failure))
    assert (str(copied), copied.failure) == ("not connected", failure)


@pytest.mark.parametrize("again", WAYS)
def test_theirs_carries_the_status_of_the_answer(again: Any) -> None:
    copied = again(RemoteProtocolError("no prompt", status=422))
    assert (str(copied), copied.status) == ("no prompt", 422)
    assert again(RemoteProtocolError("odd")).status == 400
