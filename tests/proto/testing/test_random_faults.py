"""Random faults are of every kind there is, and the same again for the same seed."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import ALWAYS, Fault, Refuse
from odyssey_proto.testing.random_faults import random_faults


@given(st.binary(max_size=16), st.integers(0, 20))
def test_equal_seeds_give_equal_faults(seed: bytes, count: int) -> None:
    faults = random_faults(seed, count)
    assert faults == random_faults(seed, count)
    assert len(faults) == count
    assert ServiceConfig(faults=faults).faults == faults


def test_other_seeds_give_other_faults() -> None:
    assert len({repr(random_faults(bytes([number]))) for number in range(20)}) > 15


def test_every_kind_of_fault_is_drawn_and_none_lasts() -> None:
    drawn = [fault for number in range(200) for fault in random_faults(bytes([number]), 5)]
    assert {type(fault) for fault in drawn} == set(get_args(Fault.__value__))
    assert all(1 <= fault.times < ALWAYS for fault in drawn)


@pytest.mark.parametrize("ok", [True, False])
def test_replies_are_refusals_or_nonsense(ok: bool) -> None:
    drawn = [fault for number in range(200) for fault in random_faults(bytes([number]), 5)]
    assert [fault for fault in drawn if isinstance(fault, Refuse) and fault.reply.ok is ok]
