"""Who may send what when: a table that knows no roles, and a conversation that follows it."""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Any

from odyssey_proto.kernel.failures import RemoteProtocolError, refused


@unique
class Side(Enum):
    """The two ends of a conversation."""

    CLIENT = "client"
    SERVER = "server"


type Table[State: Enum] = Mapping[tuple[State, Side, type[Any]], State]
"""For each state: who may send what, and which state follows; what is not in it may not be sent."""


class Conversation[State: Enum]:
    """
    Follows one conversation, from the point of view of one side.

    A message that the table does not allow is an error of ours when we send it and of theirs when
    we receive it; either way nothing has changed.
    """

    def __init__(self, table: Table[State], start: State, me: Side) -> None:
        self._table = table
        self._me = me
        self.state: State = start

    def __repr__(self) -> str:
        return f"<Conversation {self.state.name} as {self._me.value}>"

    def allows(self, message: object, sender: Side | None = None) -> bool:
        """Returns whether we, or `sender` if given, may send this message now."""
        return (self.state, sender or self._me, type(message)) in self._table

    def advance(self, sender: Side, message: object) -> None:
        """
        Moves to the state that follows this message.

        Raises `LocalProtocolError` for a message of ours that may not be sent now,
        `RemoteProtocolError` for one of theirs.
        """
        state = self._table.get((self.state, sender, type(message)))
        if state is not None:
            self.state = state
            return
        text = f"{type(message).__name__} may not be sent in state {self.state.name}"
        if sender is self._me:
            raise refused(text, "state.conversation")
        raise RemoteProtocolError(text)
