"""The committed corpus of every fuzzing target, without a fuzzer."""

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
MAX_FILE_BYTES = 16 * 1024


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_of_the_corpus_makes_a_target_fail(name: str) -> None:
    files = sorted((CORPUS / name).iterdir())
    assert files
    for file in files:
        data = file.read_bytes()
        assert len(data) <= MAX_FILE_BYTES
        for size in {len(data), len(data) // 2, 0}:
            TARGETS[name](data[:size])


def test_every_corpus_has_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
