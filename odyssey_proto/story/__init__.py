"""Recordings told to people: every record in words, why it happened, what lasted, and walking through it."""

from odyssey_proto.story.compare import Aligned, Match, compared
from odyssey_proto.story.story import Beat, Story
from odyssey_proto.story.travel import Travel

__all__ = ("Aligned", "Beat", "Match", "Story", "Travel", "compared")
