"""`anb retry`."""

import uuid
from typing import Annotated

import typer

from anb.commands.answers import say
from anb.commands.flags import Json
from anb.commands.system import open_database, open_settings


def retry(
    video_id: Annotated[uuid.UUID, typer.Argument(metavar="VIDEO_ID")],
    as_json: Json = False,
) -> None:
    """Put a failed video back in the queue, after its cause is gone. The next sweep gives it to a worker.

    \b
    Example:
      anb retry 0198c0de-0000-7000-8000-000000000000
    """
    from anb.processing.repository import try_again

    with open_database(open_settings()) as database, database.write() as session:
        again = try_again(session, video_id)
    text = "It waits for a worker again." if again else "No failed video has this id."
    say(text, {"video_id": str(video_id), "retried": again}, as_json=as_json, failed=not again)
    raise typer.Exit(0 if again else 1)
