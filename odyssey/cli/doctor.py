"""`odyssey doctor`: where a connection fails, and what to do about it."""

import shlex
from typing import Annotated

import anyio
import anyio.to_thread
import typer

from odyssey import CheckState, Diagnosis, OdysseyError, diagnose
from odyssey.cli import DONE, FAILED, CommandError, UsageError
from odyssey.cli.commands import COMMANDS
from odyssey.cli.options import examples
from odyssey.cli.output import Output
from odyssey.cli.service_options import ServiceOptions, takes_service_options
from odyssey.cli.signals import ENDING, arriving
from odyssey.diagnosis.checks import SIGNS, duration
from odyssey.inspect.transcript import printable

app: typer.Typer = typer.Typer(add_completion=False)


@app.command(
    help=COMMANDS["doctor"],
    epilog=examples(
        "odyssey doctor",
        "odyssey doctor --local",
        "odyssey doctor --no-stream --json",
        "odyssey doctor --trace doctor.trace",
    ),
)
@takes_service_options
def doctor(
    service: ServiceOptions,
    no_stream: Annotated[
        bool, typer.Option("--no-stream", help="Stop once connected: no stream counts towards the limits.")
    ] = False,
) -> int:
    """Finds out where a connection fails; the exit status is 1 if something did."""
    return anyio.run(_main, service, not no_stream)


async def _main(service: ServiceOptions, stream: bool) -> int:
    found: Diagnosis | None = None
    async with (
        arriving(*ENDING) as arrived,
        service.target() as target,
        arrived.cancels(),
    ):
        try:
            found = await diagnose(target.key.reveal(), api_url=target.url, stream=stream)
        except OdysseyError as error:
            # It raises for settings that make no sense, and for nothing else.
            raise UsageError(str(error)) from error
    if found is None:
        return arrived.status
    _show(service.output, found)
    if service.trace is not None and found.trace is not None:
        try:
            await anyio.to_thread.run_sync(found.trace.save, service.trace)
        except OdysseyError as error:
            raise CommandError(str(error)) from error
        service.output.say(f"\nThe trace, without its secrets: {service.trace}")
        service.output.say(
            f"To look at it in a browser: odyssey trace html {shlex.quote(str(service.trace))}"
        )
    elif not found.ok:
        service.output.say("\nTo keep the trace, for a report: odyssey doctor --trace doctor.trace")
    return DONE if found.ok else FAILED


def _show(output: Output, found: Diagnosis) -> None:
    output.record(**found.to_dict())
    tried = [check for check in found.checks if check.state is not CheckState.NOT_TRIED]
    output.table(
        ("", "check", "what was found", "took"),
        [
            (
                SIGNS[check.state],
                check.name,
                check.verdict,
                "" if check.seconds is None else duration(check.seconds),
            )
            for check in tried
        ],
    )
    left = [check.name for check in found.checks if check.state is CheckState.NOT_TRIED]
    if left:
        output.say(f"Not tried: {', '.join(left)}.\n")
    output.say(found.verdict)
    for check in tried:
        if error := check.facts.get("error"):
            output.say(f"  {check.name}: {printable(error)}.")
        if check.advice:
            output.say(f"  {check.name}: {check.advice}")
