"""What several commands are given."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one line of JSON, for programs.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of database, media and key; unset: ANB_DATA_DIR.")]
Source = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True)]
