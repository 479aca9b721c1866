"""`odyssey recordings`: the streams that the service has recorded, and their files."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from odyssey import Odyssey, Recording, RecordingFile
from odyssey.cli import DONE, UsageError
from odyssey.cli.commands import COMMANDS
from odyssey.cli.downloading import download_file
from odyssey.cli.options import examples, read_whole
from odyssey.cli.output import Output
from odyssey.cli.service_options import ServiceOptions, takes_service_options
from odyssey.cli.texts import no_standard_output
from odyssey_proto.messages.recordings import MAX_PAGE_ITEMS

app: typer.Typer = typer.Typer(add_completion=False)

NOTHING_LOCAL = (
    "--local starts a service of its own, which has recorded nothing: "
    "let odyssey serve run, stream to it, and give its address as --api-url"
)

_takes_service_options = partial(takes_service_options, local=False)

StreamId = Annotated[str, typer.Argument(metavar="ID", help="The id of the stream.")]


@app.callback(
    help=COMMANDS["recordings"],
    epilog=examples("odyssey recordings list", "odyssey recordings download ID --out videos"),
)
def recordings() -> None:
    """Looks at recordings."""


@app.command(
    "list",
    help="List the account's recordings, the most recent first.",
    epilog=examples("odyssey recordings list", "odyssey recordings list --limit 3 --json"),
)
@_takes_service_options
def list_recordings(
    service: ServiceOptions,
    limit: Annotated[int, typer.Option(metavar="N", parser=read_whole, help="How many at most.")] = 20,
) -> int:
    """Lists recordings."""
    if limit < 1:
        raise UsageError("--limit must be 1 or more")
    return _run(service, partial(_list, service.output, limit))


async def _list(output: Output, limit: int, client: Odyssey) -> int:
    found = []
    async for each in client.recordings(min(limit, MAX_PAGE_ITEMS)):
        found.append(each)
        if len(found) == limit:
            break
    for each in found:
        output.record(
            stream_id=each.stream_id,
            width=each.width,
            height=each.height,
            started_at=each.started_at,
            ended_at=each.ended_at,
            duration_seconds=each.duration_seconds,
        )
    rows = [
        (each.stream_id, f"{each.width}x{each.height}", each.started_at, _seconds(each.duration_seconds))
        for each in found
    ]
    if rows:
        output.table(("stream", "size", "started", "seconds"), rows)
    else:
        output.say("there are no recordings")
    return DONE


@app.command(
    help="Show which files a recording has; their addresses are secret and not printed.",
    epilog=examples("odyssey recordings show ID", "odyssey recordings show ID --json"),
)
@_takes_service_options
def show(stream_id: StreamId, service: ServiceOptions) -> int:
    """Shows a recording."""
    return _run(service, partial(_show, service.output, stream_id))


async def _show(output: Output, stream_id: str, client: Odyssey) -> int:
    found = await client.recording(stream_id).get()
    files = _files(found)
    output.record(
        stream_id=found.stream_id,
        frame_count=found.frame_count,
        duration_seconds=found.duration_seconds,
        files=files,
    )
    rows = (
        ("stream", found.stream_id),
        ("frames", found.frame_count),
        ("seconds", _seconds(found.duration_seconds)),
        ("files", ", ".join(files) or "none yet"),
    )
    output.table(("recording", ""), rows)
    return DONE


@app.command(
    help="Download files of a recording; what broke off goes on where it stopped.",
    epilog=examples(
        "odyssey recordings download ID",
        "odyssey recordings download ID --file video --file thumbnail --out clips",
    ),
)
@_takes_service_options
def download(
    stream_id: StreamId,
    service: ServiceOptions,
    file: Annotated[
        list[RecordingFile],
        typer.Option(
            help="Which of its files (repeatable): video, preview, thumbnail, events.", show_default="video"
        ),
    ] = [RecordingFile.VIDEO],  # noqa: B006  # typer reads it, nothing changes it
    out: Annotated[
        Path,
        typer.Option(
            metavar="PATH", help="A folder, or the name of a file if one is wanted, - for standard output."
        ),
    ] = Path(),
) -> int:
    """Downloads files of a recording."""
    if len(file) > 1 or service.output.json:
        no_standard_output("--out", out, "that takes one file, and no --json beside it")
    return _run(service, partial(_download, service.output, stream_id, file, out))


async def _download(
    output: Output, stream_id: str, files: list[RecordingFile], out: Path, client: Odyssey
) -> int:
    for kind in files:
        await download_file(output, client, stream_id, kind, out)
    return DONE


def _run(service: ServiceOptions, work: Callable[[Odyssey], Awaitable[int]]) -> int:
    if service.local:
        raise UsageError(NOTHING_LOCAL)
    return service.run(work)


def _files(recording: Recording) -> list[str]:
    return [each.value for each in RecordingFile if each.url_in(recording) is not None]


def _seconds(duration: float | None) -> str | None:
    return None if duration is None else f"{duration:.1f}"
