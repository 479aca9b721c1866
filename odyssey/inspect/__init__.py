"""
Traces for people: every record in words, why it happened, what lasted, and a walk through it.

All of it is computed from a trace, without the outside world; the command `odyssey trace` prints it.
"""

from odyssey.inspect.compare import Aligned, Match, compared
from odyssey.inspect.cursor import TraceCursor
from odyssey.inspect.story import Story, StoryEntry

__all__ = ("Aligned", "Match", "Story", "StoryEntry", "TraceCursor", "compared")
