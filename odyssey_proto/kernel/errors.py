"""The two errors of the core: ours and theirs."""

from odyssey_proto.kernel.failures import Failure, FailureKind


class LocalProtocolError(Exception):
    """
    We asked for something that the present state, or a documented rule, does not allow.

    It is raised at once, by the call that asked, and nothing has changed.
    `failure` says the same as a value.
    """

    def __init__(self, message: str, failure: Failure | None = None) -> None:
        super().__init__(message)
        self.failure = failure or Failure(FailureKind.STATE, message)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (str(self), self.failure))


class RemoteProtocolError(Exception):
    """
    The other side broke the rules.

    It is used inside the core only: `step` turns it into an output and never lets it out.
    `status` is the HTTP status that a server would answer it with.
    """

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return (_remote, (type(self), str(self), self.status))


def _remote(kind: type[RemoteProtocolError], message: str, status: int) -> RemoteProtocolError:
    return kind(message, status=status)
