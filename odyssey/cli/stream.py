"""`odyssey stream`: a stream as it runs, steered by the prompts that are typed, kept as a file."""

from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Annotated

import anyio
import typer
from attrs import frozen

from odyssey import ConnectionStatus, LiveStream, Odyssey, OdysseyError, VideoRecorder
from odyssey.cli import DONE, UsageError
from odyssey.cli.commands import COMMANDS
from odyssey.cli.options import Landscape, StartImage, examples, read_seconds
from odyssey.cli.output import StatusLines
from odyssey.cli.prompt_line import PromptLine, standard_input, unechoed
from odyssey.cli.service_options import ServiceOptions, plain_error, takes_service_options
from odyssey.cli.stream_screen import Meter, Snapshot, StreamScreen, stream_screen
from odyssey.cli.texts import no_standard_output
from odyssey_anyio.recorder.video_file import FORMATS

UNWATCHED_SECONDS = 10.0
"""How long a stream lasts that nobody at a terminal can end, unless --seconds says otherwise."""

ENDING_SECONDS = 5.0
"""How long the end of a stream is waited for after Ctrl-C; then the goodbye has to do."""


@frozen
class Plan:
    """What is to be streamed, and how."""

    prompt: str
    portrait: bool
    image: Path | None
    seconds: float | None
    out: Path | None

    def __attrs_post_init__(self) -> None:
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError("--seconds must be over 0")
        no_standard_output("--out", self.out, "what the command says goes there")
        if self.out is not None and self.out.suffix.lower() not in FORMATS:
            raise UsageError(f"the name of --out must end in {', '.join(FORMATS)}: {self.out.name}")
        if self.out is not None and not self.out.parent.is_dir():
            raise UsageError(f"there is no folder {self.out.parent}")


app: typer.Typer = typer.Typer(add_completion=False)


@app.command(
    help=COMMANDS["stream"],
    epilog=examples(
        "odyssey stream --local 'A cat'",
        "odyssey stream 'A cat' --landscape --image cat.png --out cat.mp4",
        "printf 'Pet it\\nBrush it\\n' | odyssey stream 'A cat' --seconds 20 --json",
    ),
)
@takes_service_options
def stream(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What the stream begins with.")],
    service: ServiceOptions,
    landscape: Landscape = False,
    image: StartImage = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            parser=read_seconds,
            help="How long it lasts.",
            show_default=f"until Ctrl-D or Ctrl-C; {UNWATCHED_SECONDS:g} if no terminal is the input",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep what is received: .mp4, .webm or .mkv.", show_default="none"),
    ] = None,
) -> int:
    """Streams; what is typed meanwhile, or comes from a pipe, are prompts."""
    plan = Plan(prompt, not landscape, image, seconds, out)
    descriptor, terminal = standard_input()

    async def work(client: Odyssey) -> int:
        # Not before: here Ctrl-C no longer ends the process at once, so the terminal becomes as it was.
        with ExitStack() as stack:
            screen = stack.enter_context(stream_screen(service.output))
            if terminal and screen.live and descriptor is not None:
                stack.enter_context(unechoed(descriptor))
            return await _Streaming(plan, screen, descriptor, terminal).run(client)

    # Sound has no other place to go.
    return service.run(work, audio=plan.out is not None)


class _Streaming:
    """One stream, from connecting to its end."""

    def __init__(self, plan: Plan, screen: StreamScreen, descriptor: int | None, terminal: bool) -> None:
        self._plan = plan
        self._screen = screen
        self._descriptor = descriptor
        self._terminal = terminal
        self._line = PromptLine()
        self._over = anyio.Event()

    async def run(self, client: Odyssey) -> int:
        """Connects, streams until it is to end, and ends the stream."""
        plan, screen = self._plan, self._screen
        lines = StatusLines()

        def show_status(status: ConnectionStatus, message: str | None) -> None:
            # Where nobody reads, what is printed next ends the command.
            with suppress(BrokenPipeError):
                if line := lines.line(status.value, message):
                    screen.say(line)
                screen.event("status", status=status.value, message=message)

        await client.connect(on_status_change=show_status)
        async with client.stream(plan.prompt, plan.portrait, plan.image) as stream:
            screen.say(f"stream {stream.stream_id} started: {plan.prompt}")
            screen.event("started", stream_id=stream.stream_id, prompt=plan.prompt)
            meter = Meter(client, anyio.current_time)
            recorder = None if plan.out is None else stream.record(plan.out)
            try:
                async with recorder or nullcontext():
                    await self._live(stream, meter)
            finally:
                # Also after Ctrl-C the service learns that the stream is over, before the goodbye.
                with anyio.move_on_after(ENDING_SECONDS, shield=True):
                    await stream.end()
                self._summarize(stream, meter.read(), recorder)
        return DONE

    async def _live(self, stream: LiveStream, meter: Meter) -> None:
        unwatched = None if self._terminal else UNWATCHED_SECONDS
        seconds = unwatched if self._plan.seconds is None else self._plan.seconds
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, stream, meter)
            group.start_soon(self._show, meter)
            if self._descriptor is not None:
                group.start_soon(self._steer, stream, self._descriptor)
            with anyio.move_on_after(seconds):
                await self._over.wait()
            group.cancel_scope.cancel()

    async def _watch(self, stream: LiveStream, meter: Meter) -> None:
        """Sees every frame; the end of the stream, whoever ends it, is the end of this."""
        async for _ in stream.frames():
            meter.frame_came()
        self._over.set()

    async def _show(self, meter: Meter) -> None:
        while True:
            self._screen.show(meter.read(), self._line.text)
            await anyio.sleep(self._screen.interval)

    async def _steer(self, stream: LiveStream, descriptor: int) -> None:
        async for prompt in self._line.lines(descriptor):
            try:
                applied = await stream.interact(prompt)
            except OdysseyError as error:
                if stream.over:
                    raise
                self._screen.say(f"{prompt}: {error}")
                self._screen.event("refused", prompt=prompt, error=plain_error(error))
            else:
                self._screen.say(f"prompt applied: {applied}")
                self._screen.event("applied", prompt=prompt, applied=applied)
        if self._terminal:
            self._over.set()

    def _summarize(self, stream: LiveStream, seen: Snapshot, recorder: VideoRecorder | None) -> None:
        kept = recorder is not None and recorder.why_empty is None
        self._screen.say(
            f"stream ended after {seen.seconds:.1f} s: {seen.received} frames, {seen.dropped} dropped"
        )
        if recorder is not None:
            self._screen.say(
                f"{recorder.path}: {recorder.frames} frames, {recorder.seconds:.1f} s"
                if kept
                else f"nothing was kept in {recorder.path}: {recorder.why_empty}"
            )
        self._screen.event(
            "ended",
            stream_id=stream.stream_id,
            seconds=seen.seconds,
            received=seen.received,
            dropped=seen.dropped,
            out=str(recorder.path) if recorder is not None and kept else None,
        )
