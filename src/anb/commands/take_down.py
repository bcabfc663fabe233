"""`anb take-down`."""

import uuid
from typing import Annotated

import typer

from anb.commands.answers import say
from anb.commands.flags import Json
from anb.commands.system import open_database, open_settings


def take_down(
    video_id: Annotated[uuid.UUID, typer.Argument(metavar="VIDEO_ID")],
    as_json: Json = False,
) -> None:
    """Remove a video for good, with its votes and its files, whatever its state.

    For what the organiser decides; `anb backup` before it keeps what was. Its player's account stays.

    \b
    Example:
      anb take-down 0198c0de-0000-7000-8000-000000000000
    """
    from anb.storage import open_storage
    from anb.voting import taking_down

    settings = open_settings()
    with open_database(settings) as database:
        votes = taking_down.take_down(database, open_storage(settings), video_id)
    gone = votes is not None
    text = f"Taken down; votes that went with it: {votes}." if gone else "No video has this id."
    say(text, {"video_id": str(video_id), "taken_down": gone, "votes": votes}, as_json=as_json, failed=not gone)
    raise typer.Exit(0 if gone else 1)
