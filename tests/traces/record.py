"""
Writes the traces of this folder anew: `python tests/traces/record.py`.

Nothing is released yet, so every change of the form or of the core records them anew.
After the first release the files that are here stay as they are, and every later version must read them
and show their applications the same; a new form, or a core with a new behaviour, gets files of its own.
"""

import sys
from pathlib import Path

from odyssey_proto.trace.machines import fresh

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE.parent / "support")]

from core.traced_sessions import scenarios  # noqa: E402  found by the line above

from odyssey_proto.trace import SCHEMA, lines  # noqa: E402
from odyssey_proto.trace.redaction.redactor import redacted  # noqa: E402


def main() -> None:
    """Writes one file for each kind of session."""
    folder = HERE / SCHEMA.rpartition(":")[2]
    folder.mkdir(exist_ok=True)
    for name, record in scenarios().items():
        text = "".join(line + "\n" for line in lines(redacted(record(), fresh)))
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
