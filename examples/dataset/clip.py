"""A row becomes a clip, or a failure with its trace; nothing here knows which engine runs it."""

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
from anyio.to_thread import run_sync

from odyssey import ClientCredentials, Odyssey, OdysseyError

from .results import Results
from .table import Row

MAX_ATTEMPTS = 3

type Ask = Callable[[], ClientCredentials]
"""Asks the mint for credentials; it blocks, and raises `AttemptError` if there are none."""


class AttemptError(Exception):
    """An attempt failed for another reason than those of the client."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(said["message"])
        self.said = said
        self.retryable: bool = said.get("retryable", True)
        self.retry_after: float | None = said.get("retry_after")

    def to_dict(self) -> dict[str, Any]:
        """Returns what the manifest says of it."""
        return self.said


async def make_clip(
    row: Row, results: Results, limit: AbstractAsyncContextManager[Any], ask: Ask
) -> dict[str, Any]:
    """Makes the clip of a row unless it is there; returns the row's result."""
    if results.has_clip(row):
        return results.of(row) or {}
    attempt = 0
    while True:
        attempt += 1
        client, written = Odyssey(), results.new_clip(row)
        try:
            # The session is given back before the place is.
            async with limit, client:
                facts = await _record(row, written, client, ask)
            return await run_sync(results.add_clip, row, written, {**facts, "attempts": attempt})
        except (OdysseyError, AttemptError) as error:
            written.unlink(missing_ok=True)
            if not error.retryable or attempt == MAX_ATTEMPTS:
                return results.add(row, {"error": error.to_dict(), **await _trace(row, results, client)})
            await anyio.sleep(error.retry_after or 2.0**attempt)


async def _record(row: Row, written: Path, client: Odyssey, ask: Ask) -> dict[str, Any]:
    await client.connect_with_credentials(await run_sync(ask))
    session_id = client.current_session_id
    async with client.stream(row.prompt, portrait=row.portrait) as stream:
        frame = await stream.frames().fresh()
        async with stream.record(written) as recorder:
            began = time.time()
            with anyio.move_on_after(row.seconds) as held:
                await stream.ended()
    if not held.cancelled_caught or not recorder.frames:
        raise AttemptError({"message": recorder.why_empty or "the stream ended before its time"})
    return {
        "recorded_at": began,
        "recorded_seconds": round(recorder.seconds, 3),
        "frames": recorder.frames,
        "size": [frame.width, frame.height],
        "session_id": session_id,
        "stream_id": stream.stream_id,
    }


async def _trace(row: Row, results: Results, client: Odyssey) -> dict[str, Any]:
    if client.trace is None:
        return {}
    path = await client.save_trace(results.trace(row))
    return {"trace": str(path.relative_to(results.folder))}
