"""The table: which clips the dataset is to have."""

import csv
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One clip that is wanted."""

    label: str
    prompt: str
    seconds: float
    portrait: bool = False
    take: int = 1
    """Tells clips of the same prompt apart."""

    @property
    def key(self) -> str:
        """The name of the row: the same in every run, whatever its place in the table."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:16]


def read_table(path: Path) -> list[Row]:
    """Reads a CSV file with the columns label, prompt, seconds, and if you like orientation and take."""
    rows: dict[str, Row] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, line in enumerate(csv.DictReader(file), 2):
            try:
                row = _row(line)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path}, row {number}: {error!r}") from error
            if row.key in rows:
                raise ValueError(f"{path}, row {number}: it stands twice; give it another take")
            rows[row.key] = row
    return list(rows.values())


def _row(line: dict[str, str]) -> Row:
    orientation = line.get("orientation") or "landscape"
    if orientation not in ("landscape", "portrait"):
        raise ValueError(f"orientation must be landscape or portrait, not {orientation}")
    if not line["prompt"]:
        raise ValueError("there is no prompt")
    seconds = float(line["seconds"])
    if not 0 < seconds <= 600:
        raise ValueError(f"seconds must be more than 0 and at most 600, not {seconds:g}")
    return Row(line["label"], line["prompt"], seconds, orientation == "portrait", int(line.get("take") or 1))
