"""
Fuzzes one target with atheris: `python -m tests.fuzz http-server -max_total_time=600`.

It needs the extra `fuzz`; what follows the name is for libFuzzer.
It begins with the corpus of the target; what it finds, and what made the target fail, goes to `fuzzed/`.
An input that made a target fail belongs into the corpus, which `tests/fuzz/test_corpus.py` replays
without atheris.
"""

import sys
from pathlib import Path

import atheris

CORPUS = Path(__file__).parent / "corpus"
FOUND = Path("fuzzed")


def main() -> None:
    """Runs the target that is named."""
    with atheris.instrument_imports(include=["odyssey_proto", "odyssey_anyio.images", "h11", "wsproto"]):
        from tests.fuzz.targets import TARGETS

    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in TARGETS:
        sys.exit(f"python -m tests.fuzz TARGET [-OPTION=VALUE …]; targets: {', '.join(TARGETS)}")
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    options = [f"-artifact_prefix={found}/failed-", *sys.argv[2:]]
    atheris.Setup([sys.argv[0], *options, str(found), str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
