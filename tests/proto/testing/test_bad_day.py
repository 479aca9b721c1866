"""A bad day is bad in every way there is, and the same again for the same seed."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.faults import ALWAYS, Fault, Refuse
from odyssey_proto.testing.bad_day import bad_day


@given(st.binary(max_size=16), st.integers(0, 20))
def test_equal_seeds_give_equal_days(seed: bytes, troubles: int) -> None:
    day = bad_day(seed, troubles)
    assert day == bad_day(seed, troubles)
    assert len(day) == troubles
    assert ServiceConfig(faults=day).faults == day


def test_other_seeds_give_other_days() -> None:
    assert len({repr(bad_day(bytes([number]))) for number in range(20)}) > 15


def test_every_fault_has_its_day_and_none_lasts() -> None:
    days = [fault for number in range(200) for fault in bad_day(bytes([number]), 5)]
    assert {type(fault) for fault in days} == set(get_args(Fault.__value__))
    assert all(1 <= fault.times < ALWAYS for fault in days)


@pytest.mark.parametrize("ok", [True, False])
def test_replies_are_refusals_or_nonsense(ok: bool) -> None:
    days = [fault for number in range(200) for fault in bad_day(bytes([number]), 5)]
    assert [fault for fault in days if isinstance(fault, Refuse) and fault.reply.ok is ok]
