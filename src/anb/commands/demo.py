"""`anb demo`: the main job, shown."""

from pathlib import Path
from typing import Annotated

import typer

from anb.commands.answers import print_json_if
from anb.commands.flags import Json
from anb.commands.system import open_settings

_FOLDER = Path("demo-output")


def demo(
    as_json: Json = False,
    video: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Your own video.")] = None,
    data_dir: Annotated[Path, typer.Option(help="A demo's own; emptied first, unless --base-url is given.")] = _FOLDER,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Show it on a server that runs there, and leave the demo's accounts on it."),
    ] = None,
) -> None:
    """Show the main job: Ana uploads, the worker converts, Beto and Carla vote, Ana leads.

    Without --video it draws a clip such as a phone makes. Takes a minute and needs no server.

    \b
    Examples:
      anb demo
      anb demo --video my-clip.mov
      anb demo --base-url http://127.0.0.1:8080 --json
    """
    from rich.console import Console

    from anb.commands import demo_story as story

    open_settings(
        database_url="", database_read_url="", celery_broker_url=""
    )  # a demo is embedded, whatever the environment says
    console = Console(stderr=as_json, highlight=False)
    try:
        outcome = story.run(story.Plan(video, data_dir, base_url and base_url.rstrip("/")), console)
    except story.DemoError as error:
        console.print(f"The demo failed: {error}", markup=False)
        print_json_if(as_json, {"status": "failed", "detail": str(error)})
        raise typer.Exit(1) from None
    print_json_if(as_json, outcome)
