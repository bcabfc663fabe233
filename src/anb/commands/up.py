"""`anb up`: everything in one process."""

from typing import Annotated

import typer

from anb.commands.flags import DataDir
from anb.commands.system import leave_on_sigterm, open_settings


def up(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
    data_dir: DataDir = None,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets other machines in.")] = "127.0.0.1",
) -> None:
    """Run everything in one process: API, worker, database. Stop it with Ctrl+C.

    A video that is being processed is then finished, or handed back to the next start. A second Ctrl+C ends at once.

    \b
    Examples:
      anb up
      anb up --port 9000 --data-dir /srv/anb
    """
    leave_on_sigterm()
    from anb.embedded import serve

    settings = open_settings(data_dir=data_dir)
    shown = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - only compared

    def started() -> None:
        typer.echo(f"ANB Rising Stars is at {shown}; try its API at {shown}/docs")
        typer.echo(f"Data is kept in {settings.data_dir.resolve()}. Stop with Ctrl+C.")

    def waiting() -> None:
        typer.echo(
            f"Stopping. A video is being processed: waits at most {settings.grace_s} s for it, then leaves it to the"
            " next start. Ctrl+C again ends at once; nothing is lost."
        )

    raise typer.Exit(serve(settings, host, port, started, waiting))
