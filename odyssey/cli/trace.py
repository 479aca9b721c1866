"""`python -m odyssey trace`: looks at traces of sessions."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from odyssey.cli import UsageError
from odyssey.cli.loading import STANDARD, load
from odyssey.cli.signals import interrupt_again
from odyssey.inspect.cursor import TraceCursor
from odyssey_proto.trace.machines import fresh


def options(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own commands and their options."""
    jobs = parser.add_subparsers(dest="job", required=True, metavar="JOB")

    show = jobs.add_parser("show", help="print a trace as a transcript")
    show.add_argument("file", metavar="FILE", help="the trace, - for standard input")
    show.add_argument(
        "--all",
        action="store_true",
        help="routine records too, such as keepalives, deadlines and frame counts",
    )

    html = jobs.add_parser("html", help="write one page that shows everything, for any browser")
    html.add_argument("file", metavar="FILE", help="the trace, - for standard input")
    html.add_argument(
        "-o", "--out", metavar="OUT", help="the page, - for standard output (default: FILE.html)"
    )
    html.add_argument("--raw", action="store_true", help="leave secrets in, if the trace still has them")

    replay = jobs.add_parser(
        "replay", help="feed a trace to a fresh core; exits with 0 if it answers the same"
    )
    replay.add_argument("file", metavar="FILE", help="the trace, - for standard input")

    redact = jobs.add_parser("redact", help="write a copy without secrets, proved by search and replay")
    redact.add_argument("file", metavar="FILE", help="the trace, - for standard input")
    redact.add_argument("out", metavar="OUT", help="the copy, - for standard output")
    for what, usual in (("prompts", "keep"), ("images", "hash")):
        redact.add_argument(
            f"--{what}",
            choices=("keep", "hash", "drop"),
            default=usual,
            help=f"what stays of {what} (default: {usual})",
        )

    diff = jobs.add_parser("diff", help="compare two traces step by step; exits with 0 if they are the same")
    diff.add_argument("left", metavar="A")
    diff.add_argument("right", metavar="B")
    diff.add_argument("--times", action="store_true", help="compare times as well")
    diff.add_argument("--all", action="store_true", help="list the steps that are the same, too")

    repl = jobs.add_parser("repl", help="step forward and back through a trace")
    repl.add_argument("file", metavar="FILE", help="the trace, - for standard input")


def run(arguments: argparse.Namespace) -> int:
    """Does one job; 0 done or the same, 1 different or refused, 2 a file that cannot be used."""
    interrupt_again()
    try:
        status = JOBS[arguments.job](arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough; nothing more can be written, not even at the end of Python.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _show(arguments: argparse.Namespace) -> int:
    from odyssey.cli.styled import write
    from odyssey.inspect.transcript import transcript

    write(transcript(TraceCursor(load(arguments.file), fresh), everything=arguments.all))
    return 0


def _html(arguments: argparse.Namespace) -> int:
    from odyssey.cli.trace_html import page
    from odyssey_proto.trace.redaction.redactor import RedactionError, redacted

    trace = load(arguments.file)
    if not (trace.header.redacted or arguments.raw):
        try:
            trace = redacted(trace, fresh)
        except RedactionError as error:
            return _refused(f"{error}; --raw shows it with its secrets")
    text = page(TraceCursor(trace, fresh), Path(arguments.file).name, secrets=arguments.raw)
    if arguments.out == STANDARD:
        _print_utf8([text])
        return 0
    usual = "trace.html" if arguments.file == STANDARD else Path(arguments.file).with_suffix(".html")
    out = Path(arguments.out or usual)
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror or type(error).__name__}") from error
    print(out)
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    from odyssey.inspect.transcript import NOW_TAKEN, missing, printable
    from odyssey_proto.trace.checking import verdict

    trace = load(arguments.file)
    found = verdict(trace, fresh)
    for line in found.text.split("\n"):
        print(printable(line))
    if found.difference is None and trace.broken is not None and trace.ended:
        print(NOW_TAKEN)
    for remark in missing(trace):
        print(remark)
    return 0 if found.difference is None else 1


def _redact(arguments: argparse.Namespace) -> int:
    from odyssey_anyio.errors.classes import OdysseyTraceError
    from odyssey_anyio.tracing.session_trace import SessionTrace
    from odyssey_proto.trace.format import lines
    from odyssey_proto.trace.policy import Redaction
    from odyssey_proto.trace.recorder import TraceBuffer

    trace = load(arguments.file)
    how = Redaction(prompts=arguments.prompts, images=arguments.images)
    copy = SessionTrace(fresh, how, TraceBuffer.of(trace))
    try:
        if arguments.out == STANDARD:
            _print_utf8(f"{line}\n" for line in lines(copy.redacted()))
        else:
            print(copy.save(arguments.out))
    except OdysseyTraceError as error:
        return _refused(str(error))
    return 0


def _diff(arguments: argparse.Namespace) -> int:
    from odyssey.cli.styled import write
    from odyssey.inspect.compare import Match, compared
    from odyssey.inspect.transcript import differences

    left, right = load(arguments.left), load(arguments.right)
    aligned = list(compared(left, right, times=arguments.times))
    write(differences(left, right, aligned, everything=arguments.all))
    return 0 if all(each.match is Match.SAME for each in aligned) else 1


def _repl(arguments: argparse.Namespace) -> int:
    from odyssey.cli.trace_shell import TraceShell

    TraceShell(TraceCursor(load(arguments.file), fresh), load).cmdloop()
    return 0


def _print_utf8(texts: Iterable[str]) -> None:
    """Prints what is a file, whatever the encoding of the terminal."""
    for text in texts:
        sys.stdout.buffer.write(text.encode())


def _refused(text: str) -> int:
    print(f"odyssey trace: {text}", file=sys.stderr)
    return 1


JOBS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "show": _show,
    "html": _html,
    "replay": _replay,
    "redact": _redact,
    "diff": _diff,
    "repl": _repl,
}
