"""`anb process`: one file into the house format, without a server."""

import time
from pathlib import Path
from typing import Annotated

import typer

from anb.commands.answers import say
from anb.commands.flags import Json, Source
from anb.commands.system import open_settings


def process(
    source: Source,
    output: Annotated[Path, typer.Option("--output", "-o", dir_okay=False, help="An .mp4; overwritten.")],
    as_json: Json = False,
) -> None:
    """Turn one file into the house format: 1280x720, H.264, at most 30 s and 30 fps, watermark, no metadata.

    The poster is put beside it: OUT.mp4 gets OUT.poster.jpg. Needs no server.

    \b
    Example:
      anb process clip.mov -o house.mp4
    """
    from rich.console import Console

    from anb.commands.one_file import process_one
    from anb.commands.progress_bar import bar
    from anb.commands.reports import failure_as_json
    from anb.processing.chosen import limits_of, rules_of
    from anb.processing.failures import ProcessingFailed

    _check_output(source, output)
    settings = open_settings()
    console = Console(stderr=as_json, highlight=False)
    started = time.monotonic()
    try:
        with bar(console, "Processing") as on_progress:
            done = process_one(source, output, limits_of(settings), rules_of(settings), on_progress)
    except ProcessingFailed as failure:
        refused = failure_as_json(failure)
        say(refused["detail"], refused, as_json=as_json, failed=True)
        raise typer.Exit(1) from None
    report = done | {"elapsed_s": round(time.monotonic() - started, 2)}
    lines = [report["output"], report["poster"], *(notice["detail"] for notice in report["notices"])]
    say("\n".join(lines), report, as_json=as_json)


def _check_output(source: Path, output: Path) -> None:
    if output.suffix.lower() != ".mp4":
        raise typer.BadParameter(f"{output}: the house format is an .mp4", param_hint="--output")
    if not output.resolve().parent.is_dir():
        raise typer.BadParameter(f"{output.parent}: no such folder", param_hint="--output")
    if source.resolve() == output.resolve():
        raise typer.BadParameter("would overwrite its own source", param_hint="--output")
