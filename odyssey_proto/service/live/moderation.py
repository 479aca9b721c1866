"""What a streamer refuses to show (docs/protocol.md#stream-errors, #images)."""

from odyssey_proto.messages.stream import InteractiveStreamError, InteractiveStreamStart
from odyssey_proto.service.io.config import ServiceConfig

MAX_PROMPT = 10_000
"""In characters; the real limit is not documented."""

MAX_IMAGE = 4 * 25 * 1024 * 1024 // 3 + 1024
"""25 MB as a data URL, in characters."""


def objection(start: InteractiveStreamStart, config: ServiceConfig) -> InteractiveStreamError | None:
    """Returns the error that a start is refused with, or `None`."""
    if start.bypass_prompt_expansion and not config.bypass_allowed:
        return InteractiveStreamError("permission_denied", "the account may not bypass prompt expansion")
    if start.image is not None:
        if not config.image_to_video:
            return InteractiveStreamError("image_not_supported", "this streamer takes no images")
        if not start.image.startswith("data:image/"):
            return InteractiveStreamError("invalid_image", "the image is not a data URL")
        if len(start.image) > MAX_IMAGE:
            return InteractiveStreamError("invalid_image", "the image is over the limit of 25 MB")
    return prompt_objection(start.prompt, config)


def prompt_objection(prompt: str, config: ServiceConfig) -> InteractiveStreamError | None:
    """Returns the error that a prompt is refused with, or `None`."""
    if len(prompt) > MAX_PROMPT:
        return InteractiveStreamError("prompt_too_long", f"a prompt may have {MAX_PROMPT} characters")
    words = "".join(char if char.isalnum() else " " for char in prompt.casefold()).split()
    if any(word.casefold() in words for word in config.moderated):
        return InteractiveStreamError("moderation_failed", "the prompt was refused by moderation")
    return None
