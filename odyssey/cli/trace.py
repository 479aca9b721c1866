"""`odyssey trace`: looks at traces of sessions."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from odyssey.cli import DONE, FAILED, CommandError, UsageError
from odyssey.cli.commands import COMMANDS
from odyssey.cli.loading import load
from odyssey.cli.options import examples
from odyssey.cli.output import Json, Output
from odyssey.cli.signals import interrupt_again
from odyssey.cli.texts import STANDARD
from odyssey.inspect.cursor import TraceCursor
from odyssey_proto.trace.machines import fresh
from odyssey_proto.trace.policy import Images, Prompts, Redaction

app: typer.Typer = typer.Typer(add_completion=False)

File = Annotated[str, typer.Argument(metavar="FILE", help="The trace, - for standard input.")]


@app.callback(
    help=COMMANDS["trace"],
    epilog=examples("odyssey trace show session.jsonl", "odyssey trace html session.jsonl"),
)
def trace() -> None:
    """Looks at a trace; 0 done or the same, 1 different or refused, 2 a file that cannot be used."""
    interrupt_again()


@app.command(
    help="Print a trace as a transcript.",
    epilog=examples("odyssey trace show session.jsonl", "odyssey trace show --all - < session.jsonl"),
)
def show(
    file: File,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Routine records too, such as keepalives, deadlines and frame counts."),
    ] = False,
    json: Json = False,
) -> int:
    """Prints a trace as a transcript, or each record as an object."""
    from odyssey.cli.styled import write
    from odyssey.inspect.line import Tone
    from odyssey.inspect.plain_data import plain_data
    from odyssey.inspect.transcript import transcript

    cursor = TraceCursor(load(file), fresh)
    if not json:
        write(transcript(cursor, everything=everything))
        return DONE
    story = cursor.story
    for entry in story.entries:
        if everything or entry.line.tone is not Tone.QUIET:
            Output(json).record(
                seconds=(entry.record.at - story.begins) / 1_000_000,
                step=entry.record.step,
                source=story.name_of(entry.line.source),
                target=story.name_of(entry.line.target),
                title=entry.line.title,
                detail=entry.line.detail,
                value=plain_data(entry.record.value, secrets=cursor.trace.header.redacted),
            )
    return DONE


@app.command(
    help="Write one page that shows everything, for any browser.",
    epilog=examples("odyssey trace html session.jsonl", "odyssey trace html session.jsonl -o - > page.html"),
)
def html(
    file: File,
    out: Annotated[
        str | None,
        typer.Option(
            "-o", "--out", metavar="OUT", help="The page, - for standard output.", show_default="FILE.html"
        ),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Leave secrets in, if the trace still has them.")
    ] = False,
    json: Json = False,
) -> int:
    """Writes the page of a trace."""
    from odyssey.cli.trace_html import page
    from odyssey_proto.trace.redaction.redactor import RedactionError, redacted

    read = load(file)
    if not (read.header.redacted or raw):
        try:
            read = redacted(read, fresh)
        except RedactionError as error:
            raise CommandError(f"{error}; --raw shows it with its secrets") from error
    text = page(TraceCursor(read, fresh), Path(file).name, secrets=raw)
    if out == STANDARD:
        _print_utf8([text])
        return DONE
    usual = "trace.html" if file == STANDARD else Path(file).with_suffix(".html")
    target = Path(out or usual)
    try:
        target.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror or type(error).__name__}") from error
    Output(json).say(f"{target}")
    Output(json).record(page=str(target))
    return DONE


@app.command(
    help="Feed a trace to a fresh core; exits with 0 if it answers the same.",
    epilog=examples("odyssey trace replay session.jsonl"),
)
def replay(file: File, json: Json = False) -> int:
    """Replays a trace, and says whether it went the same way."""
    from odyssey.inspect.transcript import NOW_TAKEN, missing, printable
    from odyssey_proto.trace.checking import verdict

    read = load(file)
    found = verdict(read, fresh)
    same = found.difference is None
    remarks = [*([NOW_TAKEN] if same and read.broken is not None and read.ended else []), *missing(read)]
    output = Output(json)
    for line in (*map(printable, found.text.split("\n")), *remarks):
        output.say(line)
    output.record(same=same, steps=len(read.steps), text=found.text, remarks=remarks)
    return DONE if same else FAILED


@app.command(
    help="Write a copy without secrets, proved by search and replay.",
    epilog=examples("odyssey trace redact session.jsonl shared.jsonl --prompts hash"),
)
def redact(
    file: File,
    out: Annotated[str, typer.Argument(metavar="OUT", help="The copy, - for standard output.")],
    prompts: Annotated[
        Prompts,
        typer.Option(help="What stays of prompts: words (keep), a digest (hash) or the length (drop)."),
    ] = Prompts.KEEP,
    images: Annotated[
        Images, typer.Option(help="What stays of images: all (keep), a digest (hash) or the length (drop).")
    ] = Images.HASH,
    json: Json = False,
) -> int:
    """Writes a copy of a trace that may be shared."""
    from odyssey_anyio.errors.classes import OdysseyTraceError
    from odyssey_anyio.tracing.session_trace import SessionTrace
    from odyssey_proto.trace.format import lines
    from odyssey_proto.trace.recorder import TraceBuffer

    how = Redaction(prompts=prompts, images=images)
    copy = SessionTrace(fresh, how, TraceBuffer.of(load(file)))
    try:
        if out == STANDARD:
            _print_utf8(f"{line}\n" for line in lines(copy.redacted()))
        else:
            saved = copy.save(out)
            Output(json).say(f"{saved}")
            Output(json).record(copy=str(saved))
    except OdysseyTraceError as error:
        raise CommandError(str(error)) from error
    return DONE


@app.command(
    help="Compare two traces step by step; exits with 0 if they are the same.",
    epilog=examples("odyssey trace diff yesterday.jsonl today.jsonl"),
)
def diff(
    left: Annotated[str, typer.Argument(metavar="A", help="One trace.")],
    right: Annotated[str, typer.Argument(metavar="B", help="The other.")],
    times: Annotated[bool, typer.Option("--times", help="Compare times as well.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="List the steps that are the same, too.")] = False,
    json: Json = False,
) -> int:
    """Compares two traces."""
    from odyssey.cli.styled import write
    from odyssey.inspect.compare import Match, compared
    from odyssey.inspect.transcript import differences

    ours, theirs = load(left), load(right)
    aligned = list(compared(ours, theirs, times=times))
    if not json:
        write(differences(ours, theirs, aligned, everything=everything))
    for each in aligned:
        if everything or each.match is not Match.SAME:
            Output(json).record(match=each.match.value, left=each.left, right=each.right, lines=each.lines)
    return DONE if all(each.match is Match.SAME for each in aligned) else FAILED


@app.command(
    help="Step forward and back through a trace.", epilog=examples("odyssey trace repl session.jsonl")
)
def repl(file: File) -> int:
    """Opens the debugger on a trace."""
    from odyssey.cli.trace_shell import TraceShell

    TraceShell(TraceCursor(load(file), fresh), load).cmdloop()
    return DONE


def _print_utf8(texts: Iterable[str]) -> None:
    """Prints what is a file, whatever the encoding of the terminal."""
    for text in texts:
        sys.stdout.buffer.write(text.encode())
