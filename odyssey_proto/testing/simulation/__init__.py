"""
The seeded simulator: clients, a service and everything that may go wrong between them, in virtual time.

`drawn(seed)` draws a plan, `simulate(plan)` runs it under the laws, `shrunk(plan)` makes one that fails
as small as it can be; `python -m odyssey.simulate` does so by the thousand (docs/simulation.md).
"""

from odyssey_proto.testing.simulation.coverage import Coverage
from odyssey_proto.testing.simulation.drawing import drawn
from odyssey_proto.testing.simulation.plan import Plan
from odyssey_proto.testing.simulation.run import Run, simulate
from odyssey_proto.testing.simulation.shrinking import broken_law, shrunk

__all__ = ("Coverage", "Plan", "Run", "broken_law", "drawn", "shrunk", "simulate")
