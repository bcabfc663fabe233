"""`anb plan`."""

from typing import Annotated

import typer

from anb.commands.answers import say
from anb.commands.flags import Json


def plan(
    users: Annotated[int, typer.Option(min=1, help="At once, in the busiest hour.")],
    videos_per_hour: Annotated[int, typer.Option(min=1, help="Uploaded in the busiest hour.")],
    availability: Annotated[float, typer.Option(min=0, max=100, help="Per cent of a month that it must be up.")] = 0,
    as_json: Json = False,
) -> None:
    """Which phase on AWS carries a load, with how many hosts, and what it costs a month.

    \b
    Examples:
      anb plan --users 100 --videos-per-hour 20
      anb plan --users 1000 --videos-per-hour 500 --availability 99.5 --json
    """
    from anb.planning import choose, report

    load = choose.Load(users, videos_per_hour, availability)
    found = choose.options(load)
    carried = choose.cheapest(found) is not None
    say(report.as_text(load, found), report.as_json(load, found), as_json=as_json, failed=not carried)
    raise typer.Exit(0 if carried else 1)
