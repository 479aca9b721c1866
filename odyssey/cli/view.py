"""`odyssey view`: a page on this machine that shows a stream and steers it."""

import html
import webbrowser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import anyio
import anyio.to_thread
import typer
from attrs import frozen

from odyssey import Odyssey
from odyssey.cli import DONE, UsageError
from odyssey.cli.commands import COMMANDS
from odyssey.cli.options import examples, read_port
from odyssey.cli.service_options import ServiceOptions, takes_service_options
from odyssey.cli.signals import INTERRUPTED
from odyssey.view.app import application
from odyssey.view.live_session import LiveSession
from odyssey.view.server import serving

app: typer.Typer = typer.Typer(add_completion=False)


@app.command(
    help=COMMANDS["view"],
    epilog=examples(
        "odyssey view --local",
        "odyssey view --api-key-file key.txt --folder videos",
        "odyssey view --local --port 8080 --no-open",
    ),
)
@takes_service_options
def view(
    service: ServiceOptions,
    port: Annotated[
        int,
        typer.Option(
            help="Port of the page, on this machine only.",
            show_default="any free one",
            metavar="PORT",
            parser=read_port,
        ),
    ] = 0,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only print the address; --json does not open it either.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep recordings here.",
            show_default="a temporary one, removed at the end",
        ),
    ] = None,
) -> int:
    """Shows the page until it is interrupted, which is how it is meant to end."""
    if folder is not None and not folder.is_dir():
        raise UsageError(f"there is no folder {folder}")
    opens = not (no_open or service.output.json)
    with TemporaryDirectory(prefix="odyssey-view-") as temporary:
        private = Path(temporary)
        status = service.run(_Viewing(service, port, opens, folder or private, private).run)
    return DONE if status == INTERRUPTED else status


@frozen
class _Viewing:
    """One page, from its address to Ctrl-C."""

    service: ServiceOptions
    port: int
    opens: bool
    folder: Path
    private: Path
    """A folder that nobody else can look into."""

    async def run(self, client: Odyssey) -> int:
        """Serves the page until it is cancelled."""
        session = LiveSession(client, self.folder)
        page = application(session)
        try:
            async with serving(page, self.port) as address, anyio.create_task_group() as group:
                group.start_soon(session.run)
                await self._announce(address + page.query)
                await anyio.sleep_forever()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise UsageError(f"cannot listen at port {self.port}: {why}") from error
        return DONE

    async def _announce(self, url: str) -> None:
        output = self.service.output
        output.say(f"{url}\nThe address is good once, for one browser; Ctrl-C ends.")
        output.record(url=url)
        if self.opens:
            # A browser of a terminal stays until it is left.
            await anyio.to_thread.run_sync(_browse, url, self.private, abandon_on_cancel=True)


def _browse(url: str, folder: Path) -> None:
    """Opens a secret address by a file that leads to it: every user of a machine sees its command lines."""
    path = folder / "open.html"
    path.touch(mode=0o600)
    path.write_text(f'<meta http-equiv="refresh" content="0; url={html.escape(url)}">\n', encoding="utf-8")
    webbrowser.open(path.as_uri())
