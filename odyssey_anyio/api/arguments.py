"""What the application gives to a call, checked before anything is sent."""

import ssl
from collections.abc import Mapping
from functools import partial
from inspect import isasyncgenfunction, isgeneratorfunction

from attrs import evolve

from odyssey_anyio.api.config import api_key_by_default, api_url_by_default
from odyssey_anyio.errors.classes import OdysseyTypeError
from odyssey_anyio.errors.mapping import Calling, checked, error_of, refused
from odyssey_anyio.events.handlers import ConnectHandlers
from odyssey_anyio.images import ImageError, ImageInput, data_url
from odyssey_anyio.media.delivery import Bounded, EveryNth, Lossless, Newest, Policy
from odyssey_proto.kernel.failures import Failure, FailureKind, LocalProtocolError, Phase
from odyssey_proto.kernel.machine import Span, seconds
from odyssey_proto.kernel.secret import Secret
from odyssey_proto.kernel.url import parse_http
from odyssey_proto.model.address import segment
from odyssey_proto.model.config import AdvancedConfig, IcePolicy, Limits, ReconnectPolicy, Timeouts
from odyssey_proto.model.credentials import ClientCredentials, StreamerCapabilities
from odyssey_proto.model.validators import MAX_WAIT
from odyssey_proto.seam.commands import ConnectWith, Interact, StartStream
from odyssey_proto.seam.settings import Settings


def start(
    prompt: str, portrait: bool | None, broadcast: bool, bypass_prompt_expansion: bool | None
) -> StartStream:
    """Returns the command that starts a stream; raises `OdysseyStreamValueError`."""
    return checked(
        lambda: StartStream(
            prompt,
            portrait=portrait_or_default(portrait),
            broadcast=broadcast,
            bypass_prompt_expansion=bypass_prompt_expansion,
        ),
        Calling.STREAM,
    )


def portrait_or_default(portrait: bool | None) -> bool:
    """Returns a flag as it is; `None` counts as not given, and portrait is the default."""
    return True if portrait is None else portrait


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
    return evolve(start, image=await encoded_image(image, Calling.STREAM, portrait=start.portrait))


def interact(prompt: str) -> Interact:
    """Returns the command that steers a stream; raises `OdysseyStreamValueError`."""
    return checked(lambda: Interact(prompt), Calling.STREAM, Phase.INTERACT)


def with_credentials(credentials: ClientCredentials) -> ConnectWith:
    """Returns the command that opens somebody's session; raises `OdysseyValueError`."""
    if isinstance(credentials, Mapping):
        raise refused("credentials are a dict: make them with ClientCredentials.from_dict", Calling.REST)
    return checked(lambda: ConnectWith(credentials))


def service_url(api_url: str) -> str:
    """Returns the address of a service without slashes at its end; raises `OdysseyValueError`."""
    try:
        address = parse_http(text(api_url, "api_url", "api_url.invalid"))
    except LocalProtocolError as error:
        raise refused(f"api_url: {error}", Calling.REST, "api_url.invalid") from error
    if "?" in address.target or "#" in api_url:
        raise refused("api_url has a query or a fragment", Calling.REST, "api_url.invalid")
    return api_url.rstrip("/")


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
        rule = f"above 0 and at most {MAX_WAIT:,}"
        raise refused(f"{name} must be a number of seconds {rule}, not {value!r:.100}", Calling.REST)
    return seconds(value)  # type: ignore[arg-type]  # checked to be a number


async def encoded_image(image: ImageInput, calling: Calling, *, portrait: bool, prefix: str = "") -> str:
    """
    Returns an image as a data URL in the size of the stream.

    One that cannot be taken is our error, whose text `prefix` begins.
    """
    try:
        return await data_url(image, portrait=portrait)
    except ImageError as error:
        raise refused(f"{prefix}{error}", calling, error.flaw) from error.__cause__


def settings(
    api_key: str | None,
    api_url: str | None,
    advanced: AdvancedConfig | None,
    *,
    timeouts: Timeouts | None,
    ice: IcePolicy | None,
    limits: Limits | None,
    reconnect: ReconnectPolicy | None,
    audio: bool = False,
) -> Settings:
    """Returns what a client is made with; raises `OdysseyTypeError` or `OdysseyValueError`."""
    if not isinstance(api_key, str | None):
        raise OdysseyTypeError(f"api_key must be a string, not {type(api_key).__name__}")
    make = partial(
        Settings,
        api_key=Secret(api_key or api_key_by_default()),
        api_url=service_url(api_url_by_default() if api_url is None else api_url),
        advanced=setting(advanced, AdvancedConfig, "advanced"),
        timeouts=setting(timeouts, Timeouts, "timeouts"),
        ice=setting(ice, IcePolicy, "ice"),
        limits=setting(limits, Limits, "limits"),
        reconnect=None if reconnect is None else setting(reconnect, ReconnectPolicy, "reconnect"),
        audio=audio,
    )
    return checked(make)


def setting[T](value: T | None, kind: type[T], name: str) -> T:
    """Returns a setting, the default one for `None`; raises `OdysseyValueError` for another class."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise refused(f"{name} must be {kind.__name__} or None, not {type(value).__name__}", Calling.REST)
    return value


def ssl_context(value: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """Returns what checks certificates; raises `OdysseyValueError` for another class."""
    if not isinstance(value, ssl.SSLContext | None):
        raise refused(f"ssl_context must be SSLContext or None, not {type(value).__name__}", Calling.REST)
    return value


def text(value: str, name: str, code: str = "") -> str:
    """Returns a text as it is; raises `OdysseyValueError` for anything else, with its class."""
    if not isinstance(value, str):
        raise refused(f"{name} must be text, not {type(value).__name__}", Calling.REST, code)
    return value


def checked_handlers(handlers: ConnectHandlers, audio: bool, made: str) -> ConnectHandlers:
    """
    Returns handlers as they are; raises `OdysseyValueError` unless each can be called, by a known policy.

    One of sound needs `audio`; `made` says how that is had.
    """
    policy_or_none(handlers.frame_policy, "frame_policy")
    policy_or_none(handlers.audio_policy, "audio_policy")
    if handlers.on_audio_frame is not None:
        check_audio(audio, "on_audio_frame", made)
    for name, handler in vars(handlers).items():
        if name.startswith("on_"):
            function(handler, None, name)
    return handlers


def function[T](value: T | None, default: T, name: str) -> T:
    """Returns a function, the default one for `None`; raises `OdysseyValueError` if none can be called."""
    if value is None:
        return default
    if not callable(value):
        raise refused(f"{name} must be a function or None, not {type(value).__name__}", Calling.REST)
    if isgeneratorfunction(value) or isasyncgenfunction(value):
        raise refused(f"{name} has a `yield` in it: a call would run none of it", Calling.REST)
    return value


def check_audio(received: bool, what: str, made: str) -> None:
    """Refuses what needs audio unless it is received; `made` says how that is had."""
    if not received:
        raise refused(f"{what} needs {made}", Calling.REST, "audio.not_wanted")


def offering[T](value: T | None, name: str, *methods: str) -> T | None:
    """Returns what has these methods as it is, or `None`; raises `OdysseyValueError` for anything else."""
    if value is not None and not all(callable(getattr(value, each, None)) for each in methods):
        needed = " and ".join(f"{each}()" for each in methods)
        raise refused(f"{name} must have {needed}, not {value!r:.100}", Calling.REST)
    return value


def policy_or_none(value: Policy | None, name: str) -> Policy | None:
    """Returns a policy of frames as it is; raises `OdysseyValueError` for anything else."""
    if not isinstance(value, Newest | EveryNth | Bounded | Lossless | None):
        kinds = "Newest(), EveryNth(n), Bounded(size), Lossless(size) or None"
        raise refused(f"{name} must be {kinds}, not {value!r:.100}", Calling.REST)
    return value
