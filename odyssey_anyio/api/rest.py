"""What the calls that need no connection have in common."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

from odyssey_anyio.errors.classes import OdysseyError
from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_anyio.events.handlers import OdysseyEventHandlers
from odyssey_anyio.images import ImageError, ImageInput, data_url
from odyssey_anyio.net.transports import Exchanges
from odyssey_anyio.tracing.session_trace import Recorded
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.model.address import segment
from odyssey_proto.model.config import MAX_WAIT
from odyssey_proto.seam.commands import What


class RestCalls(Recorded):
    """Calls that need the API key and nothing else."""

    @abstractmethod
    async def _do(self, what: What, handlers: OdysseyEventHandlers | None = None) -> Any:
        """Carries out a command."""

    @abstractmethod
    def _lend(self) -> AbstractAsyncContextManager[Exchanges]:
        """Lends the HTTP transport for the length of a block."""

    @contextmanager
    def _traced(self) -> Iterator[None]:
        """Attaches the recording until then to an error that leaves the block, unless it has one."""
        try:
            yield
        except OdysseyError as error:
            error.trace = error.trace or self.trace
            raise


def made[T](
    make: Callable[[], T], calling: Calling = Calling.REST, phase: Phase | None = None, prefix: str = ""
) -> T:
    """Makes a value that checks itself; what it refuses is our error, whose text `prefix` begins."""
    try:
        return make()
    except (ValueError, TypeError) as error:
        raise refused(f"{prefix}{error}", calling, phase=phase) from None


def refused(text: str, calling: Calling, code: str = "", phase: Phase | None = None) -> OdysseyError:
    """Returns the error of a value that breaks a rule; its phase is that of the calling unless given."""
    usual = Phase.START if calling is Calling.STREAM else Phase.CALL
    return error_of(Failure(FailureKind.INVALID, text, code=code, phase=phase or usual), calling)


def identifier(value: object, name: str) -> str:
    """Takes an id that can stand in a path; refuses any other."""
    if not isinstance(value, str):
        raise refused(f"{name} must be text, not {type(value).__name__}", Calling.REST)
    try:
        segment(value)
    except ValueError as error:
        raise refused(f"{name}: {error}", Calling.REST) from None
    return value


def period(value: object, name: str) -> Span:
    """Takes a time in seconds that has an end; refuses any other."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= MAX_WAIT:  # type: ignore[operator]  # checked to be a number
        raise refused(f"{name} must be a number of seconds above 0, not {value!r:.100}", Calling.REST)
    return seconds(value)  # type: ignore[arg-type]  # checked to be a number


async def encoded(image: ImageInput, calling: Calling, *, portrait: bool, prefix: str = "") -> str:
    """
    Returns an image as a data URL in the size of the stream.

    One that cannot be taken is our error, whose text `prefix` begins.
    """
    try:
        return await data_url(image, portrait=portrait)
    except ImageError as error:
        raise refused(f"{prefix}{error}", calling, error.flaw) from error.__cause__
