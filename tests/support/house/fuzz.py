"""
How long property tests look for trouble.

A usual run tries each property with a quarter of its examples, so that the core's own suite is quick to run
by hand; `.ci/run` tries all of them in the step that measures coverage, and ODYSSEY_FUZZ any multiple.
"""

import os

THOROUGH = float(os.environ.get("ODYSSEY_FUZZ", "0.25"))


def examples(full: int) -> int:
    """Returns how many examples a property is tried with: ODYSSEY_FUZZ times the full number."""
    return max(10, round(full * THOROUGH))
