"""`anb up`: everything in one process."""

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from anb.commands.flags import DataDir
from anb.commands.system import leave_on_sigterm, open_settings

if TYPE_CHECKING:
    from anb.settings import Settings


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
    shown = f"http://{as_typed(host)}:{port}"

    def started() -> None:
        typer.echo(f"ANB Rising Stars is at {shown}; try its API at {shown}/docs")
        if lan := _address_for_others(host):
            typer.echo(f"Other machines and phones in this network: http://{lan}:{port}")
        typer.echo(f"Data is kept in {settings.data_dir.resolve()}{_elsewhere(settings)}. Stop with Ctrl+C.")

    def waiting() -> None:
        typer.echo(
            f"Stopping. A video is being processed: waits at most {settings.grace_s} s for it, then leaves it to the"
            " next start. Ctrl+C again ends at once; nothing is lost."
        )

    raise typer.Exit(serve(settings, host, port, started, waiting))


def as_typed(host: str) -> str:
    """As a browser on this machine takes it."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - only compared
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _elsewhere(settings: "Settings") -> str:
    """What a shell that has the servers' settings takes out of the folder."""
    from sqlalchemy import make_url

    others = []
    if settings.database_url:
        others.append(f"the database in {make_url(settings.database).render_as_string(hide_password=True)}")
    if settings.media_root:
        others.append(f"the media in {settings.media}")
    return f", but for {' and '.join(others)} (DATABASE_URL, MEDIA_ROOT)" if others else ""


def _address_for_others(host: str) -> str | None:
    """This machine's own in the network that leads out of it; a UDP socket that is connected sends nothing."""
    if host != "0.0.0.0":  # noqa: S104 - only compared
        return None
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # RFC 5737: nobody's
        return str(probe.getsockname()[0])
    return None
