"""
A client for Odyssey, the world-model service that streams live, interactive video.

What is public stands in the stub beside this file, once, for type checkers and for us.
It is read when a name is first asked for, and nothing is loaded before that.
"""

from importlib import import_module as _import_module
from sys import modules as _modules

_SUBMODULES = ("client", "config", "exceptions", "types")
"""What the official client has loaded once it is imported, so that `odyssey.types.Recording` works."""


def __getattr__(name: str) -> object:
    if name in _SUBMODULES:
        return _import_module(f"{__name__}.{name}")
    homes = _homes()
    if name == "__all__":
        return tuple(homes)
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _load(homes, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted(_homes())


def _homes() -> dict[str, str]:
    """Returns each public name with the module that defines it, by the imports of the stub."""
    import ast

    assert __spec__ is not None
    # By the loader, which finds it in an archive too.
    stub = __spec__.loader.get_data(f"{__file__}i")
    return {
        alias.name: f"{node.module}"
        for node in ast.parse(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _load(homes: dict[str, str], asked: str) -> None:
    """Loads one public name, and lets what came with it and is defined for it say that it lives here."""
    # Here, as nothing is loaded before a name is asked for.
    from odyssey_anyio.aio.collector import collector_at_rest

    with collector_at_rest():
        _import_module(homes[asked])
    for name, home in homes.items():
        if home not in _modules or name in globals():
            continue
        value = globals()[name] = getattr(_modules[home], name)
        # The core's values are public where they are as well, and traces name them by that.
        if home.startswith("odyssey_anyio") and callable(value):
            value.__module__ = __name__
