"""What a video shows."""

from attrs import evolve, field, frozen

from odyssey_proto.kernel.secret import sized

MAX_PROMPTS = 64
"""The most prompts of a scene; of more, the first and the newest stay."""


@frozen
class Scene:
    """What a peer's video shows: the same scene always gives the same picture."""

    stream_id: str
    prompts: tuple[str, ...] = field(repr=sized)
    """The prompt of the start, then those of every update, oldest first."""
    portrait: bool = True
    image: str | None = field(default=None, repr=sized)
    """The background, as a data URL."""

    def steered(self, prompt: str) -> "Scene":
        """Returns the scene after one more prompt."""
        first, others = self.prompts[:1], self.prompts[1:]
        return evolve(self, prompts=(*first, *(*others, prompt)[-(MAX_PROMPTS - 1) :]))
