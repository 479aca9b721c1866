"""How a part of the client has REST calls made for it: what it asks for, and what comes back."""

from collections.abc import Callable, Hashable
from typing import Any

from attrs import field, frozen

from odyssey_proto.kernel.failures import Failure, Phase
from odyssey_proto.kernel.machine import Span
from odyssey_proto.messages.endpoint import ClientEndpoint


@frozen
class CallRequest[P, R]:
    """
    One REST call.

    Without an endpoint it only makes sure that there is an access token.
    """

    endpoint: ClientEndpoint[P, R] | None
    params: P
    base: str
    """The URL that the endpoint's path is appended to."""
    within: Span
    """How long it may take, all tries together."""
    phase: Phase
    """What a failure of it belongs to."""
    token_lasts: Span = field(default=Span(0))
    """For how long the access token is to be good from now on, if the service gives any for so long."""


def _itself(result: object) -> object:
    return result


@frozen
class StartCall[P, R]:
    """
    Make this call, and hand its result back to whoever returned this.

    `wrap` makes of what the endpoint gives, or of the failure, what the asker's `on_result` takes;
    so each kind of call has a result of its own class, and its type is known from the endpoint on.
    Who makes calls of one kind only needs none.
    """

    name: Hashable
    """Names the call among those of the same asker."""
    request: CallRequest[P, R]
    wrap: Callable[[R | Failure], object] = field(default=_itself, repr=False)


@frozen
class CancelCall:
    """Forget the call of this name; nothing comes of it any more."""

    name: Hashable


type CallOrder = StartCall[Any, Any] | CancelCall
"""What a part may want done about its calls."""
