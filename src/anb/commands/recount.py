"""`anb recount`."""

from typing import Annotated

import typer

from anb.commands.answers import say
from anb.commands.flags import Json
from anb.commands.system import open_database, open_settings


def recount(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit with 1 on a difference.")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="Set each wrong total to what the votes say.")] = False,
    as_json: Json = False,
) -> None:
    """Count all votes again and compare with the totals that are shown.

    Without DATABASE_URL it reads what `anb up` keeps in ANB_DATA_DIR (anb-data).

    \b
    Examples:
      anb recount --check
      ANB_DATA_DIR=demo-output anb recount --check
      anb recount --repair --json
    """
    from anb.commands.reports import differences_as_json, differences_as_text
    from anb.voting import recount as votes

    if check == repair:
        raise typer.BadParameter("say either --check or --repair")
    with open_database(open_settings()) as database:
        differences = votes.recount(database, repair=repair)
    report = differences_as_json(differences, repaired=repair)
    say(differences_as_text(report), report, as_json=as_json)
    raise typer.Exit(1 if differences and check else 0)
