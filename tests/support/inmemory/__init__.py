"""The real service and media that are none, behind the three transports of a driver: no socket, no wait."""

from inmemory.transports import Engine
from inmemory.world import World, applied, broken

__all__ = ("Engine", "World", "applied", "broken")
