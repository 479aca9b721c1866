"""What the application gives for a session and its streams, checked before anything is sent."""

from collections.abc import Mapping

from attrs import evolve

from odyssey_anyio.api.rest import encoded, made, refused
from odyssey_anyio.errors.mapping import Calling, error_of
from odyssey_anyio.events.handlers import OdysseyEventHandlers
from odyssey_anyio.images import ImageInput
from odyssey_proto.kernel.errors import LocalProtocolError
from odyssey_proto.kernel.failures import Failure, FailureKind, Phase
from odyssey_proto.kernel.url import parse_http
from odyssey_proto.model.capabilities import StreamerCapabilities
from odyssey_proto.model.credentials import ClientCredentials
from odyssey_proto.seam.commands import ConnectWith, Interact, StartStream


def start(prompt: str, portrait: bool, broadcast: bool, bypass_prompt_expansion: bool | None) -> StartStream:
    """Returns the command that starts a stream; raises `OdysseyStreamValueError`."""
    return made(
        lambda: StartStream(
            prompt,
            portrait=portrait,
            broadcast=broadcast,
            bypass_prompt_expansion=bypass_prompt_expansion,
        ),
        Calling.STREAM,
    )


async def pictured(
    start: StartStream, image: ImageInput, capabilities: StreamerCapabilities | None
) -> StartStream:
    """
    Returns a start with its image; `capabilities` are those of the session, `None` without one.

    An image for which there is no use is not even looked at.
    Raises `OdysseyStreamError`.
    """
    if capabilities is None:
        raise error_of(
            Failure(FailureKind.STATE, "not connected", code="state.not_connected"), Calling.STREAM
        )
    if not capabilities.image_to_video:
        raise refused("the streamer of this session takes no images", Calling.STREAM, "image.not_taken")
    return evolve(start, image=await encoded(image, Calling.STREAM, portrait=start.portrait))


def interact(prompt: str) -> Interact:
    """Returns the command that steers a stream; raises `OdysseyStreamValueError`."""
    return made(lambda: Interact(prompt), Calling.STREAM, Phase.INTERACT)


def with_credentials(credentials: ClientCredentials) -> ConnectWith:
    """Returns the command that opens somebody's session; raises `OdysseyValueError`."""
    if isinstance(credentials, Mapping):
        raise refused("credentials are a dict: make them with ClientCredentials.from_dict", Calling.REST)
    return made(lambda: ConnectWith(credentials))


def service_url(api_url: str) -> str:
    """Returns the address of a service without slashes at its end; raises `OdysseyValueError`."""
    try:
        address = parse_http(text(api_url, "api_url", "api_url.invalid"))
    except LocalProtocolError as error:
        raise refused(f"api_url: {error}", Calling.REST, "api_url.invalid") from error
    if "?" in address.target or "#" in api_url:
        raise refused("api_url has a query or a fragment", Calling.REST, "api_url.invalid")
    return api_url.rstrip("/")


def setting[T](value: T | None, kind: type[T], name: str) -> T:
    """Returns a setting, the default one for `None`; raises `OdysseyValueError` for another class."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise refused(f"{name} must be {kind.__name__} or None, not {type(value).__name__}", Calling.REST)
    return value


def text(value: str, name: str, code: str = "") -> str:
    """Returns a text as it is; raises `OdysseyValueError` for anything else, of which it tells the class."""
    if not isinstance(value, str):
        raise refused(f"{name} must be text, not {type(value).__name__}", Calling.REST, code)
    return value


def callable_or_none(handlers: OdysseyEventHandlers) -> OdysseyEventHandlers:
    """Returns handlers as they are; raises `OdysseyValueError` unless each can be called."""
    for name, handler in vars(handlers).items():
        if handler is not None and not callable(handler):
            raise refused(f"{name} must be a function or None, not {type(handler).__name__}", Calling.REST)
    return handlers
