"""`anb restore`."""

from contextlib import ExitStack
from typing import Annotated

import typer

from anb.commands.answers import progress, say
from anb.commands.flags import Json
from anb.commands.system import open_database, open_settings


def restore(
    source: Annotated[str, typer.Argument(metavar="FROM", help="What `anb backup` was given.")],
    at: Annotated[str | None, typer.Option(help="Which backup, by its folder's name; unset: the newest.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Then read all files and count all votes again.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Restore nothing: only say whether it could be.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup into an empty database and an empty storage, those that the settings name. Stop everything first.

    Says how long it took (RTO) and from when it is (RPO). May be repeated when it was cut off.
    Exits with 1 when something was missing, damaged or counted wrong.

    \b
    Examples:
      ANB_DATA_DIR=new-data anb restore /mnt/backups/anb --verify
      anb restore /mnt/backups/anb --check
    """
    from anb.commands import backup_reports as backups
    from anb.commands.backup_errors import backup_errors
    from anb.embedded import keep_private, only_process

    if check and verify:
        raise typer.BadParameter("--check restores nothing that --verify could look at; say one of them")
    settings = open_settings()
    with ExitStack() as stack:
        on_progress = stack.enter_context(progress("Checking" if check else "Restoring", as_json=as_json))
        stack.enter_context(backup_errors(as_json=as_json))
        chosen = backups.find(settings, source, at)
        if check:
            report = backups.check(chosen, on_progress)
        else:
            if settings.embedded:
                stack.enter_context(only_process(settings.data_dir))
                keep_private(settings)
            database = stack.enter_context(open_database(settings, new=True))
            report = backups.restore(settings, database, chosen, on_progress, verify=verify)
    say(backups.checked_as_text(report) if check else backups.restored_as_text(report), report, as_json=as_json)
    raise typer.Exit(0 if report["whole"] else 1)
