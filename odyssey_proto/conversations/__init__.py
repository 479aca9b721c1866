"""Who may say what when, as data: role-free tables for signaling and stream control."""

from odyssey_proto.conversations.talk import Conversation, Side, Table

__all__ = ("Conversation", "Side", "Table")
