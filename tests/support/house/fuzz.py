"""How long property tests look for trouble."""

import os

THOROUGH = int(os.environ.get("ODYSSEY_FUZZ", "1"))


def examples(usual: int) -> int:
    """Returns how many examples a property is tried with: the usual number, ODYSSEY_FUZZ times."""
    return usual * THOROUGH
