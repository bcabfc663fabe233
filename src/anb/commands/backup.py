"""`anb backup`."""

from typing import Annotated

import typer

from anb.commands.answers import progress, say
from anb.commands.flags import Json
from anb.commands.system import open_database, open_settings


def backup(
    to: Annotated[str, typer.Argument(metavar="TO", help="A folder, or s3://bucket/prefix.")],
    verify: Annotated[bool, typer.Option("--verify", help="Read all of it again, and count the votes again.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the contest as it is at this moment, database and files, while it runs.

    Files that an earlier backup in TO holds are not copied again. What keys there are (SECRET_KEY) stays out.
    Exits with 1 when something that a row names was missing or damaged.

    \b
    Examples:
      anb backup /mnt/backups/anb
      anb backup /mnt/backups/anb --verify --json
    """
    from anb.commands import backup_reports as backups
    from anb.commands.backup_errors import backup_errors

    settings = open_settings()
    with (
        progress("Backing up", as_json=as_json) as on_progress,
        backup_errors(as_json=as_json),
        open_database(settings) as database,
    ):
        report = backups.back_up(settings, database, to, on_progress, verify=verify)
    say(backups.made_as_text(report), report, as_json=as_json)
    raise typer.Exit(0 if report["whole"] else 1)
