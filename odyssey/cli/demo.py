"""`python -m odyssey demo`: the main job, from connect to goodbye, against a service in this process."""

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import Any

import anyio
from attrs import define, field
from av.error import FFmpegError

from odyssey import Odyssey, OdysseyError, VideoFrame
from odyssey.cli import UsageError
from odyssey.cli.clip import Clip, sheet
from odyssey.cli.signals import TERMINATED, arriving, interrupt_again
from odyssey_anyio.local.service import serve
from odyssey_proto.seam.commands import Interact
from odyssey_proto.service.io.config import TYPICAL_REPLY_SECONDS, ServiceConfig

PROMPTS = ("A cat in a sunny meadow", "Pet the cat at sunset", "The cat runs through falling snow")
MAX_DEMO_SECONDS = 20.0


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--landscape", action="store_true", help="1280x704 instead of 704x1280, the default")
    parser.add_argument(
        "--prompt",
        action="append",
        metavar="TEXT",
        help=f"a prompt (repeatable): the first starts the stream, the others steer it "
        f"(default: {', '.join(PROMPTS)})",
    )
    parser.add_argument("--image", type=Path, metavar="FILE", help="a picture to start from (default: none)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=3.0,
        metavar="SECONDS",
        help="how long each prompt is shown (default: 3)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        default=Path("odyssey-demo"),
        help="where the clip and the sheet go (default: odyssey-demo)",
    )


@define
class Show:
    """What the demo has seen so far; prints each step as it happens."""

    began: float = field(factory=time.monotonic)
    width: int = 0
    height: int = 0
    clip: Clip | None = None
    newest: VideoFrame | None = None
    shots: list[tuple[str, Any]] = field(factory=list)

    @property
    def seconds(self) -> float:
        """The time since the beginning."""
        return time.monotonic() - self.began

    def tell(self, what: str) -> None:
        """Prints a line with the time."""
        print(f"{self.seconds:7.2f} s  {what}", flush=True)


def run(arguments: argparse.Namespace) -> int:
    """Runs the demo."""
    interrupt_again()
    prompts = tuple(arguments.prompt or PROMPTS)
    for prompt in prompts:
        try:
            Interact(prompt)
        except ValueError as error:
            raise UsageError(f"--{error}") from error
    most = int(10 * MAX_DEMO_SECONDS / len(prompts)) / 10
    if not 0 < arguments.seconds <= most:
        raise UsageError(f"--seconds must be over 0 and at most {most:g} for {len(prompts)} prompts")
    if arguments.image is not None and not arguments.image.is_file():
        raise UsageError(f"there is no file {arguments.image}")
    if str(arguments.out) == "-":
        raise UsageError("--out is a folder: a clip and a sheet go there, so it cannot be standard output")
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {arguments.out}: {error.strerror}") from error
    show = Show()
    try:
        return anyio.run(_main, arguments, prompts, show)
    except Exception as error:
        first = _first(error)
        if not isinstance(first, OdysseyError | OSError | FFmpegError):
            raise
        return _failed(str(first))


def _failed(why: str) -> int:
    print(f"odyssey demo: {why}", file=sys.stderr)
    return 1


def _first(error: BaseException) -> BaseException:
    """Returns what went wrong first, where tasks that worked together failed together."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _main(arguments: argparse.Namespace, prompts: tuple[str, ...], show: Show) -> int:
    clip, contact = arguments.out / "clip.mp4", arguments.out / "sheet.png"
    async with arriving(signal.SIGTERM) as arrived:
        async with serve(ServiceConfig(reply_seconds=TYPICAL_REPLY_SECONDS)) as service:
            show.tell(f"local service at {service.url}")
            # Only the client's side is cut short: the service stays until the goodbye was said.
            async with arrived.cancels(), Odyssey("ody_demo", api_url=service.url) as client:
                await _session(client, arguments, prompts, show, clip)
        if not arrived.signals and show.clip is not None and show.shots:
            await anyio.to_thread.run_sync(sheet, contact, show.shots)
    if arrived.signals:
        return TERMINATED
    if show.clip is None or not show.shots:
        return _failed("no frame came")
    show.tell(f"clip   {clip} ({show.clip.frames} frames)")
    show.tell(f"sheet  {contact}")
    return 0


async def _session(
    client: Odyssey, arguments: argparse.Namespace, prompts: tuple[str, ...], show: Show, path: Path
) -> None:
    await client.connect(
        on_status_change=lambda status, message: show.tell(f"{status}{f': {message}' if message else ''}")
    )
    try:
        await _play(client, arguments, prompts, show, path)
    finally:
        if show.clip is not None:
            # Whatever ends the demo, the clip is whole.
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(show.clip.close)


async def _play(
    client: Odyssey, arguments: argparse.Namespace, prompts: tuple[str, ...], show: Show, path: Path
) -> None:
    portrait = not arguments.landscape
    async with (
        client.stream(prompts[0], portrait, arguments.image) as stream,
        anyio.create_task_group() as group,
    ):
        show.tell(f"stream {stream.stream_id} started: {prompts[0]}")
        group.start_soon(_keep, stream, show, path, portrait)
        for number, prompt in enumerate(prompts):
            if number:
                show.tell(f"prompt applied: {await stream.interact(prompt)}")
            what = f"{'interact' if number else 'start_stream'} at {show.seconds:.1f} s"
            await _watch(client, arguments.seconds, show)
            if show.newest is not None:
                show.shots.append((what, show.newest.data))
        group.cancel_scope.cancel()
    show.tell("stream ended")


async def _keep(stream: Any, show: Show, path: Path, portrait: bool) -> None:
    """Writes every frame to the clip, off the loop."""
    async for frame in stream.frames():
        # What was on its way when the stream began may still have the shape of the idle picture.
        if (frame.height > frame.width) is not portrait:
            continue
        show.newest = frame
        show.width, show.height = frame.width, frame.height
        if show.clip is None:
            show.clip = await anyio.to_thread.run_sync(Clip, path, frame.width, frame.height)
        await anyio.to_thread.run_sync(_add, show.clip, frame)


def _add(clip: Clip, frame: VideoFrame) -> None:
    clip.add(frame.data, frame.timestamp_ms)


async def _watch(client: Odyssey, seconds: float, show: Show) -> None:
    """Shows the account of frames about once a second."""
    ends = anyio.current_time() + seconds
    before, at = _received(client), anyio.current_time()
    while (left := ends - anyio.current_time()) > 0:
        await anyio.sleep(min(1.0, left))
        account = client.statistics().frames
        if account is not None:
            now = anyio.current_time()
            rate = (account.received - before) / max(now - at, 0.001)
            before, at = account.received, now
            show.tell(
                f"frames: {account.received} received, {account.delivered} delivered, "
                f"{sum(account.dropped.values())} dropped; {rate:4.1f} a second, {show.width}x{show.height}"
            )


def _received(client: Odyssey) -> int:
    account = client.statistics().frames
    return 0 if account is None else account.received
