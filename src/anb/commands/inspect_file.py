"""`anb inspect`."""

import typer

from anb.commands.answers import say
from anb.commands.flags import Json, Source
from anb.commands.system import open_settings


def inspect(file: Source, as_json: Json = False) -> None:
    """Say what a file is, whether it may be uploaded, whether it keeps the house format, and why not.

    Exits with 1 when it may not be uploaded.

    \b
    Examples:
      anb inspect clip.mov
      anb inspect house.mp4 --json
    """
    from anb.commands.reports import inspection_as_json, inspection_as_text
    from anb.processing.chosen import limits_of, rules_of
    from anb.processing.inspection import inspect as look

    settings = open_settings()
    seen = look(file, limits_of(settings), rules_of(settings))
    report = inspection_as_json(seen, file.stat().st_size, settings.max_upload_bytes)
    say(inspection_as_text(report), report, as_json=as_json)
    raise typer.Exit(0 if report["may_be_uploaded"] else 1)
