"""From a script to the film that it describes (docs/protocol.md#simulation-scripts)."""

from typing import assert_never

from odyssey_proto.kernel.machine import seconds
from odyssey_proto.messages.stream import InteractiveStreamStart
from odyssey_proto.model.script import End, Interact, Script, Start
from odyssey_proto.service.io.config import ServiceConfig
from odyssey_proto.service.io.film import Film, Scene, Shot
from odyssey_proto.service.live.moderation import objection, prompt_objection


class ScriptRefused(Exception):  # noqa: N818  # it becomes the error of a job, not of the service
    """A streamer would not show this; the message says why."""


def film_of(stream_id: str, script: Script, portrait: bool, config: ServiceConfig) -> Film:
    """
    Returns the film of a script that keeps the rules.

    Raises `ScriptRefused` for what a streamer refuses to show.
    """
    shots: list[Shot] = []
    scene = Scene(stream_id, (), portrait)
    for entry in script:
        match entry:
            case Start(prompt, image):
                refusal = objection(InteractiveStreamStart(prompt, portrait, image), config)
                scene = Scene(stream_id, (prompt,), portrait, image)
            case Interact(prompt):
                refusal = prompt_objection(prompt, config)
                scene = scene.steered(prompt)
            case End():
                continue
            case _:
                assert_never(entry)
        if refusal is not None:
            raise ScriptRefused(refusal.message)
        shots.append(Shot(seconds(entry.at), scene))
    return Film(stream_id, tuple(shots), seconds(script[-1].at))
