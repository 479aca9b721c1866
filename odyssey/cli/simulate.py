"""`odyssey simulate`: a script from a file, played by the service, its videos loaded."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
import yaml
from attrs import frozen

from odyssey import Odyssey, RecordingFile, SimulationJobDetail
from odyssey.cli import DONE, UsageError
from odyssey.cli.commands import COMMANDS
from odyssey.cli.downloading import download_file
from odyssey.cli.options import Landscape, examples, read_seconds
from odyssey.cli.output import Output
from odyssey.cli.service_options import ServiceOptions, takes_service_options
from odyssey.cli.texts import no_standard_output, read_text
from odyssey_anyio.api.arguments import period
from odyssey_anyio.api.simulation_job import POLL_INTERVAL, WAIT_TIMEOUT

app: typer.Typer = typer.Typer(add_completion=False)


@frozen
class Plan:
    """What is to be played, and what becomes of it."""

    scripts: list[Any]
    portrait: bool
    wait: bool
    out: Path
    timeout: float
    every: float


@app.command(
    help=f"{COMMANDS['simulate']} Ctrl-C ends the waiting; the job goes on.",
    epilog=examples(
        "odyssey simulate script.yaml",
        "odyssey simulate script.json --wait --out films",
        "odyssey simulate script.yaml --wait --local --json",
    ),
)
@takes_service_options
def simulate(
    script: Annotated[
        str,
        typer.Argument(
            metavar="SCRIPT",
            help="A JSON or YAML file: a list of entries, or a list of such lists; - for standard input.",
        ),
    ],
    service: ServiceOptions,
    landscape: Landscape = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for it, and download the videos.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="With --wait: where videos go.", show_default="the present one"),
    ] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", parser=read_seconds, help="With --wait: for how long at most.")
    ] = WAIT_TIMEOUT,
    every: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            parser=read_seconds,
            help="With --wait: how often to look, unless the service asks for another pace.",
        ),
    ] = POLL_INTERVAL,
) -> int:
    """Queues a job, and waits for it if that is asked for."""
    if service.local and not wait:
        raise UsageError(
            "--local goes with --wait: the service of this command ends with it, and the job too"
        )
    if out is not None and not wait:
        raise UsageError("--out goes with --wait: nothing is there to be loaded before")
    no_standard_output("--out", out, "it is a folder, for each video")
    if out is not None and not out.is_dir():
        raise UsageError(f"there is no folder {out}")
    plan = Plan(_scripts(script), not landscape, wait, out or Path(), timeout, every)
    return service.run(partial(_simulate, service.output, plan))


def _scripts(path: str) -> list[Any]:
    """Reads the scripts of a file; YAML's reader takes JSON as well."""
    try:
        read = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f", line {mark.line + 1}"
        raise UsageError(f"{path}{place}: it is neither JSON nor YAML") from error
    if not isinstance(read, list) or not read:
        raise UsageError(f"{path}: a script is a list of entries")
    return read if all(isinstance(each, list) for each in read) else [read]


async def _simulate(output: Output, plan: Plan, client: Odyssey) -> int:
    # Before anything is queued.
    period(plan.timeout, "--timeout")
    period(plan.every, "--every")
    began = anyio.current_time()

    def show(job: SimulationJobDetail) -> None:
        seconds = anyio.current_time() - began
        output.say(f"{seconds:7.1f} s  {job.status}")
        output.record(event="progress", job_id=job.job_id, status=job.status, seconds=round(seconds, 3))

    one, *more = plan.scripts
    what: dict[str, Any] = {"scripts": plan.scripts} if more else {"script": one}
    queued = await client.simulate(**what, portrait=plan.portrait)
    output.say(f"job {queued.job_id}")
    output.record(event="queued", job_id=queued.job_id, status=queued.status)
    if not plan.wait:
        return DONE
    with output.waiting(f"waiting for {queued.job_id}"):
        job = client.simulation(queued.job_id)
        done = await job.wait(plan.timeout, every=plan.every, on_progress=show)
    for stream in done.streams:
        await download_file(output, client, stream.stream_id, RecordingFile.VIDEO, plan.out)
    output.record(
        event="completed", job_id=done.job_id, stream_ids=[stream.stream_id for stream in done.streams]
    )
    return DONE
