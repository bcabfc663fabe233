"""`anb worker`."""

from typing import Annotated

import typer

from anb.commands.system import leave_on_sigterm, open_settings


def worker(
    concurrency: Annotated[int | None, typer.Option(min=1, help="Videos at once; unset: the setting's.")] = None,
    beat: Annotated[bool, typer.Option(help="Also run the sweeps; one worker of a fleet is enough.")] = True,
) -> None:
    """Process videos that an API on other processes or machines takes. Stop it with SIGTERM.

    \b
    Example:
      CELERY_BROKER_URL=redis://queue:6379/0 DATABASE_URL=... SECRET_KEY=... anb worker --concurrency 2
    """
    leave_on_sigterm()
    from anb.operations import shared_folder

    settings = open_settings(worker_concurrency=concurrency)
    shared_folder.share()  # before anything that counts is imported
    from anb.worker import run

    try:
        raise typer.Exit(run(settings, with_beat=beat))
    finally:
        shared_folder.unshare()
