"""Recordings told to people: every record in words, why it happened, what lasted, and walking through it."""

from odyssey.inspect.compare import Aligned, Match, compared
from odyssey.inspect.story import Story, StoryEntry
from odyssey.inspect.travel import Travel

__all__ = ("Aligned", "Match", "Story", "StoryEntry", "Travel", "compared")
