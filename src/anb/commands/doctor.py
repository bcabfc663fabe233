"""`anb doctor`: what is wrong with this machine."""

import typer

from anb.commands.answers import say
from anb.commands.flags import Json


def doctor(as_json: Json = False) -> None:
    """Examine this machine: settings, FFmpeg and its cage, database, broker, storage, disk, clock.

    Each part is ok, warn or fail, with what is wrong and what to do. Exits with 1 when one fails.
    """
    from anb.commands.doctor_checks import examine
    from anb.commands.reports import findings_as_json, findings_as_text

    report = findings_as_json(examine())
    say(findings_as_text(report), report, as_json=as_json)
    raise typer.Exit(0 if report["ok"] else 1)
