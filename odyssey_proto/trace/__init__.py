"""
Traces of a machine: kept in memory, written, read, replayed.

A machine's outputs depend on nothing but its settings and its inputs, so a trace of these is a
test of the machine, on any computer and at any time.

What is public is loaded when the first of it is asked for: reading and replaying needs both machines,
and whoever only records needs neither.
"""

from typing import Any as _Any


def __getattr__(name: str) -> _Any:
    # Whatever looks at a module asks for such names, and should not load both machines by it.
    if name == "__all__" or not name.startswith("__"):
        import odyssey_proto.trace.public_names as public

        if name == "__all__" or name in public.__all__:
            return getattr(public, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
