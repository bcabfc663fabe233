"""`anb storage move`."""

from typing import Annotated

import typer

from anb.commands.answers import say
from anb.commands.flags import Json
from anb.commands.system import open_database, open_settings


def storage_move(
    source: Annotated[str, typer.Option("--from", help="A folder or s3://bucket/prefix.")],
    target: Annotated[str, typer.Option("--to", help="A folder or s3://bucket/prefix.")],
    delete_source: Annotated[
        bool, typer.Option("--delete-source", help="After the switch: also delete from the source what is verified.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy all media that the database names, verify each by its SHA-256, and say what to do next.

    The system may serve meanwhile. After a kill it goes on where it was. Exits with 1 while something is missing.

    \b
    Examples:
      anb storage move --from /app/media --to s3://anb-media/cup
      anb storage move --from /app/media --to s3://anb-media/cup --delete-source
    """
    from anb.commands.move_media import Refused, move
    from anb.moving.media import LostError

    try:
        with open_database(settings := open_settings()) as database:
            report, text = move(settings, database, source, target, delete_source=delete_source)
    except Refused as refusal:
        raise typer.BadParameter(str(refusal)) from None
    except LostError as lost:
        typer.echo(str(lost), err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"A storage fails: {error}\nWhat was copied is noted: repeat the call to go on.", err=True)
        raise typer.Exit(1) from None
    say(text, report, as_json=as_json)
    raise typer.Exit(0 if report["complete"] else 1)
