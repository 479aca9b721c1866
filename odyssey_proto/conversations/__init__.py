"""Who may send what when, as data: one table for signaling, one for stream control."""

from odyssey_proto.conversations.conversation import Conversation, Side, Table

__all__ = ("Conversation", "Side", "Table")
