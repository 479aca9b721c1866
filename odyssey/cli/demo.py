"""`odyssey demo`: the main job, from connect to goodbye, against a service in this process."""

import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import anyio
import av
import av.error  # Not before av is whole: another thread may load it just then.
import typer
from attrs import define, field, frozen

from odyssey import ConnectionStatus, ContactSheet, LiveStream, Odyssey, OdysseyError, VideoFrame
from odyssey.cli import CommandError, UsageError
from odyssey.cli.commands import COMMANDS
from odyssey.cli.options import Landscape, StartImage, examples, read_seconds
from odyssey.cli.output import Json, Output, StatusLines
from odyssey.cli.signals import ENDING, arriving, interrupt_again
from odyssey.cli.texts import no_standard_output
from odyssey_anyio.errors.safe_text import first_of
from odyssey_anyio.local.service import serve
from odyssey_proto.seam.commands import Interact
from odyssey_proto.service.io.config import TYPICAL_REPLY_SECONDS, ServiceConfig

PROMPTS = ("A cat in a sunny meadow", "Pet the cat at sunset", "The cat runs through falling snow")
MAX_DEMO_SECONDS = 20.0


@frozen
class Plan:
    """What is to be shown, and where it is kept."""

    prompts: tuple[str, ...]
    portrait: bool
    image: Path | None
    seconds: float
    folder: Path

    def __attrs_post_init__(self) -> None:
        for prompt in self.prompts:
            try:
                Interact(prompt)
            except ValueError as error:
                raise UsageError(f"--{error}") from error
        most = int(10 * MAX_DEMO_SECONDS / len(self.prompts)) / 10
        if not 0 < self.seconds <= most:
            raise UsageError(f"--seconds must be over 0 and at most {most:g} for {len(self.prompts)} prompts")
        no_standard_output("--out", self.folder, "it is a folder, for a clip and a sheet")


@define
class Show:
    """What the demo has seen so far; prints each step as it happens."""

    output: Output
    began: float = field(factory=time.monotonic)
    width: int = 0
    height: int = 0
    frames: int = 0
    newest: VideoFrame | None = None
    shots: list[tuple[VideoFrame, str]] = field(factory=list)
    _statuses: StatusLines = field(factory=StatusLines)

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return time.monotonic() - self.began

    def tell(self, what: str) -> None:
        """Prints a line with the time."""
        self.output.say(f"{self.seconds:7.2f} s  {what}")

    def tell_status(self, status: ConnectionStatus, message: str | None) -> None:
        """Prints how far the connection is."""
        # Where nobody reads, what is printed next ends the command.
        with suppress(BrokenPipeError):
            if line := self._statuses.line(status.value, message):
                self.tell(line)


app: typer.Typer = typer.Typer(add_completion=False)


@app.command(
    help=COMMANDS["demo"],
    epilog=examples(
        "odyssey demo",
        "odyssey demo --landscape --image cat.png --prompt 'A cat' --prompt 'Pet the cat'",
    ),
)
def demo(
    landscape: Landscape = False,
    prompt: Annotated[
        list[str],
        typer.Option(
            metavar="TEXT", help="A prompt (repeatable): the first starts the stream, the others steer it."
        ),
    ] = list(PROMPTS),  # noqa: B006  # typer reads it, nothing changes it
    image: StartImage = None,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", parser=read_seconds, help="How long each prompt is shown.")
    ] = 3.0,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the clip and the contact sheet go.")
    ] = Path("odyssey-demo"),
    json: Json = False,
) -> int:
    """Runs the demo."""
    interrupt_again()
    plan = Plan(tuple(prompt), not landscape, image, seconds, out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {out}: {error.strerror}") from error
    try:
        return anyio.run(_main, plan, Show(Output(json)))
    except Exception as error:
        first = first_of(error)
        if isinstance(first, BrokenPipeError):
            raise first from None
        if not isinstance(first, OdysseyError | OSError | av.error.FFmpegError):
            raise
        raise CommandError(str(first)) from error


async def _main(plan: Plan, show: Show) -> int:
    clip, contact = plan.folder / "clip.mp4", plan.folder / "sheet.png"
    async with arriving(*(set(ENDING) - {signal.SIGINT})) as arrived:
        async with serve(ServiceConfig(reply_seconds=TYPICAL_REPLY_SECONDS)) as service:
            show.tell(f"local service at {service.url}")
            # Only the client's side is cut short: the service stays until the goodbye was said.
            async with arrived.cancels(), Odyssey("ody_demo", api_url=service.url) as client:
                await _session(client, plan, show, clip)
        if not arrived.signals and show.shots:
            sheet = ContactSheet(*zip(*show.shots, strict=True), columns=len(show.shots), width=None)
            await anyio.to_thread.run_sync(sheet.save, contact)
    if arrived.signals:
        return arrived.status
    if not show.frames or not show.shots:
        raise CommandError("no frame came")
    show.tell(f"clip   {clip} ({show.frames} frames)")
    show.tell(f"sheet  {contact}")
    show.output.record(clip=str(clip), sheet=str(contact), frames=show.frames, prompts=plan.prompts)
    return 0


async def _session(client: Odyssey, plan: Plan, show: Show, path: Path) -> None:
    await client.connect(on_status_change=show.tell_status)
    async with client.stream(plan.prompts[0], plan.portrait, plan.image) as stream:
        show.tell(f"stream {stream.stream_id} started: {plan.prompts[0]}")
        # Whatever ends the demo, the clip is whole.
        async with stream.record(path) as recorder, anyio.create_task_group() as group:
            group.start_soon(_look, stream, show)
            for number, prompt in enumerate(plan.prompts):
                if number:
                    show.tell(f"prompt applied: {await stream.interact(prompt)}")
                what = f"{'interact' if number else 'start_stream'} at {show.seconds:.1f} s"
                await _watch(client, plan.seconds, show)
                if show.newest is not None:
                    show.shots.append((show.newest, what))
            group.cancel_scope.cancel()
        show.frames = recorder.frames
    show.tell("stream ended")


async def _look(stream: LiveStream, show: Show) -> None:
    """Keeps the newest frame."""
    async for frame in stream.frames():
        show.newest = frame
        show.width, show.height = frame.width, frame.height


async def _watch(client: Odyssey, seconds: float, show: Show) -> None:
    """Shows the account of frames about once a second."""
    ends = anyio.current_time() + seconds
    before, at = client.statistics().frames.received, anyio.current_time()
    while (left := ends - anyio.current_time()) > 0:
        await anyio.sleep(min(1.0, left))
        account, now = client.statistics().frames, anyio.current_time()
        rate = (account.received - before) / max(now - at, 0.001)
        before, at = account.received, now
        show.tell(
            f"frames: {account.received} received, {account.delivered} delivered, "
            f"{sum(account.dropped.values())} dropped; {rate:4.1f} a second, {show.width}x{show.height}"
        )
