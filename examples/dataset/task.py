"""The task that Dask gives to a worker."""

from functools import partial
from pathlib import Path
from typing import Any

import anyio
from distributed import Semaphore, get_client

from .clip import make_clip
from .limit import LIMIT_NAME, ClusterLimit
from .mint import Mint
from .results import Results
from .table import Row


def run_row(row: Row, folder: str, mint: Mint, sessions: int) -> dict[str, Any]:
    """Makes the clip of a row; one whose worker is killed is given to another worker by Dask."""
    limit = ClusterLimit(Semaphore(sessions, LIMIT_NAME))
    return anyio.run(make_clip, row, Results(Path(folder)), limit, partial(mint.ask, get_client()))
