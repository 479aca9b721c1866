"""
A film with subtitles from a script: `python examples/story/story.py [SCRIPT.yaml] [FILM.webm]`.

The film is what was received, as it was received, and the subtitles lie beside it as WebVTT.
"""

import argparse
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from odyssey import Odyssey, VideoRecorder

HERE = Path(__file__).parent


class Scene(BaseModel):
    """A prompt, and what is read while it shows."""

    model_config = ConfigDict(extra="forbid")

    prompt: str = Field(min_length=1)
    caption: str = ""
    seconds: float = Field(default=5, gt=0, le=60)
    cut: bool = False
    """Whether it begins a new stream; otherwise the picture changes into it."""


class Story(BaseModel):
    """What the file has."""

    model_config = ConfigDict(extra="forbid")

    scenes: list[Scene] = Field(min_length=1)
    portrait: bool = False


class Subtitles:
    """A file of WebVTT that grows with the film."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text("WEBVTT\n", encoding="utf-8")

    def add(self, begin: float, end: float, text: str) -> None:
        """Shows a text from one time to another, in seconds of the film."""
        # An empty line would end the subtitle.
        lines = "\n".join(line for line in text.splitlines() if line.strip())
        safe = lines.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"\n{timestamp(begin)} --> {timestamp(end)}\n{safe}\n")


def timestamp(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes // 60):02}:{int(minutes % 60):02}:{rest:06.3f}"


async def film(story: Story, path: Path) -> VideoRecorder:
    """Plays a story and writes it to `path`, and its subtitles beside it."""
    subtitles = Subtitles(path.with_suffix(".vtt"))
    async with Odyssey() as client:
        await client.connect()
        async with client.record(path) as recorder, AsyncExitStack() as streams:
            for number, scene in enumerate(story.scenes):
                if number == 0 or scene.cut:
                    await streams.aclose()
                    stream = await streams.enter_async_context(client.stream(scene.prompt, story.portrait))
                else:
                    await stream.interact(scene.prompt)
                await stream.frames().fresh()  # the scene shows
                begin = recorder.seconds
                with anyio.move_on_after(scene.seconds):
                    await stream.ended()
                if scene.caption:
                    subtitles.add(begin, recorder.seconds, scene.caption)
                print(f"{begin:6.1f} s  {scene.prompt}")
    return recorder


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    arguments.add_argument("script", type=Path, nargs="?", default=HERE / "the_cat.yaml")
    arguments.add_argument("film", type=Path, nargs="?", default=Path("story.webm"))
    given = arguments.parse_args()
    try:
        story = Story.model_validate(yaml.safe_load(given.script.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        arguments.error(str(error))
    done = anyio.run(film, story, given.film)
    print(f"{done.path}: {done.seconds:.1f} s, {done.frames} pictures")


if __name__ == "__main__":
    main()
