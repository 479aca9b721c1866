"""Pseudonyms: different for different texts, the same for equal ones, and nobody's."""

from typing import Any

import pytest

from odyssey_proto.trace.redaction.pseudonyms import PSEUDONYM, Pseudonyms, is_nobodys


def names(**how: Any) -> Pseudonyms:
    return Pseudonyms(**how)


def test_different_texts_get_different_pseudonyms_and_equal_ones_the_same() -> None:
    given = names()
    for made in (
        [given.run(f"token{n:04}") for n in range(2000)],
        [given.run(f"{n:03}") for n in range(1000)],
        [given.address(f"10.0.{n // 256}.{n % 256}") for n in range(1000)],
        [given.host(f"{n}.example") for n in range(1000)],
        [given.number(str(10**11 + n)) for n in range(1000)],
        [given.fingerprint(f"AA:BB:{n // 256:02X}:{n % 256:02X}") for n in range(1000)],
    ):
        assert len(set(made)) == len(made)
    assert given.run("token0007") == given.run("token0007")
    assert given.host("A.Example") == given.host("a.EXAMPLE")
    assert given.address("2a02:0:0:0:0:0:0:1") == given.address("2a02::1")
    assert given.address("no") is None
    assert given.address("::") == "::"
    assert is_nobodys(str(given.address("fe80::1%eth0")))
    assert names(again=True).address("2001:db8::1%eth0") == "2001:db8::1"
    assert given.number("12345678") == given.number("12345678")
    assert all(is_nobodys(str(given.address(f"10.0.9.{n}"))) for n in range(256))


def test_no_pseudonym_is_a_word_of_the_protocol() -> None:
    first = names().run("abc")
    assert PSEUDONYM.fullmatch(first)
    assert names(words={first}).run("abc") not in (first, "abc")


@pytest.mark.parametrize("number", [2**53, 2**53 + 1, 2**63 - 1, 2**63, 10**7, 10**15, 10**16 - 1, 10**20])
def test_a_number_stays_on_its_side_of_every_limit(number: int) -> None:
    other = int(names().number(str(number)))
    assert len(str(other)) == len(str(number))
    assert (other > 2**53, other >= 2**63) == (number > 2**53, number >= 2**63)
    assert names(again=True).number(str(other)) == str(other)
    assert names().number("1" * 5000) == "9" * 5000
