"""
The folder of results, which all workers share: one small file for each row says what became of it.

That file is what counts: it appears whole, after its clip has appeared whole.
So a worker or a whole run may be killed at any moment; what has a result stays, what has none is made again.
The manifest is nothing but all results in one file, in the order of the table.
"""

import hashlib
import json
import os
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .table import Row

FORMAT = ".webm"
"""Takes the usual coding of the service as it was received, so that nothing is encoded anew."""


class Results:
    """Reads and writes the folder; any process may have one of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows, self._clips, self._traces, self._unfinished = (
            folder / name for name in ("rows", "clips", "traces", "unfinished")
        )
        for each in (self._rows, self._clips, self._traces, self._unfinished):
            each.mkdir(parents=True, exist_ok=True)

    def of(self, row: Row) -> dict[str, Any] | None:
        """Returns what became of a row; `None` if that is not known yet."""
        path = self._rows / f"{row.key}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def has_clip(self, row: Row) -> bool:
        """Whether the clip of a row is there, as long as it was."""
        result = self.of(row)
        if result is None or "file" not in result:
            return False
        clip = self.folder / result["file"]
        return clip.exists() and clip.stat().st_size == result["bytes"]

    def new_clip(self, row: Row) -> Path:
        """Returns where a worker may write a clip: a name that no other one has."""
        return self._unfinished / f"{row.key}-{uuid.uuid4().hex}{FORMAT}"

    def trace(self, row: Row) -> Path:
        """Returns where the trace of a failed session goes."""
        return self._traces / f"{row.key}.jsonl"

    def add_clip(self, row: Row, written: Path, facts: dict[str, Any]) -> dict[str, Any]:
        """
        Takes a clip that is whole, and returns its result.

        The name has the content in it: if two workers make the same row, each result has its own clip.
        """
        with written.open("r+b") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        clip = self._clips / f"{row.key}-{digest[:12]}{FORMAT}"
        written.replace(clip)
        facts = {**facts, "bytes": clip.stat().st_size, "sha256": digest}
        return self.add(row, {"file": str(clip.relative_to(self.folder)), **facts})

    def add(self, row: Row, outcome: dict[str, Any]) -> dict[str, Any]:
        """Writes the result of a row, and returns it."""
        result = {"key": row.key, **asdict(row), **outcome}
        _write(self._rows / f"{row.key}.json", json.dumps(result))
        return result

    def write_manifest(self, rows: list[Row]) -> Path:
        """Writes what is known of the rows, one JSON object a line."""
        known = [result for row in rows if (result := self.of(row)) is not None]
        manifest = self.folder / "manifest.jsonl"
        _write(manifest, "".join(json.dumps(result) + "\n" for result in known))
        return manifest

    def remove_unfinished(self) -> None:
        """Removes what killed workers left; for the beginning of a run, of which there is one at a time."""
        for path in self._unfinished.iterdir():
            path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    """Has a file appear whole, in place of the one that is there."""
    new = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
