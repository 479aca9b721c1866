"""Who may say what when: a table without roles, and a conversation that follows it."""

from collections.abc import Mapping
from enum import Enum, unique
from typing import Any

from odyssey_proto.kernel.errors import LocalProtocolError, RemoteProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind


@unique
class Side(Enum):
    """The two ends of a conversation."""

    CLIENT = "client"
    SERVER = "server"


type Table[State: Enum] = Mapping[tuple[State, Side, type[Any]], State]
"""For each state, who may say what, and which state follows; what is not in it may not be said."""


class Conversation[State: Enum]:
    """
    Follows one conversation, from the point of view of one side.

    The same illegal step is our own mistake when we say it and theirs when we hear it; either way
    nothing has changed.
    """

    def __init__(self, table: Table[State], start: State, me: Side) -> None:
        self._table = table
        self._me = me
        self.state = start

    def __repr__(self) -> str:
        return f"<Conversation {self.state.name} as {self._me.value}>"

    def may(self, message: object, sender: Side | None = None) -> bool:
        """Tells whether we (or `sender`) may say this now."""
        return (self.state, sender or self._me, type(message)) in self._table

    def passes(self, sender: Side, message: object) -> None:
        """
        Moves on by one message.

        Raises `LocalProtocolError` if it is ours and may not be said now, `RemoteProtocolError`
        if it is theirs.
        """
        state = self._table.get((self.state, sender, type(message)))
        if state is not None:
            self.state = state
            return
        text = f"{type(message).__name__} may not be said in state {self.state.name}"
        if sender is self._me:
            raise LocalProtocolError(text, Failure(FailureKind.STATE, text, code="state.conversation"))
        raise RemoteProtocolError(text)
