"""A plan that fails, made as small as it can be while it still fails."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve

from odyssey_proto.testing.simulation.plan import Plan
from odyssey_proto.testing.simulation.run import simulate


def broken_law(plan: Plan) -> str | None:
    """Returns what goes wrong in a run of a plan, in one line; `None` if nothing does."""
    try:
        simulate(plan)
    except Exception as error:  # noqa: BLE001  whatever a machine raises is a finding
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def shrunk(plan: Plan, fails: Callable[[Plan], bool] = lambda plan: broken_law(plan) is not None) -> Plan:
    """Returns a plan that fails as well, of which nothing can be left out."""
    while True:
        smaller = next(filter(fails, _smaller(plan)), None)
        if smaller is None:
            return plan
        plan = smaller


def _smaller(plan: Plan) -> list[Plan]:
    """Returns plans with something left out, the smallest first."""
    return [
        *(evolve(plan, happenings=kept) for kept in _parts_out(plan.happenings)),
        *(evolve(plan, disturbed=kept) for kept in _parts_out(plan.disturbed)),
        *(
            evolve(plan, service=evolve(plan.service, faults=kept))
            for kept in _parts_out(plan.service.faults)
        ),
    ]


def _parts_out(items: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Returns what is left without a half, a quarter, … and without any one."""
    found: list[tuple[Any, ...]] = []
    size = len(items)
    while size > 0:
        found += [(*items[:at], *items[at + size :]) for at in range(0, len(items), size)]
        size //= 2
    return found
