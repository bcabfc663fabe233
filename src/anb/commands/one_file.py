"""One file into the house format, without a server."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anb.commands.reports import key_facts
from anb.processing.convert import convert
from anb.processing.limits import Limits, Rules


def process_one(
    source: Path, output: Path, limits: Limits, rules: Rules, on_progress: Callable[[float], None]
) -> dict[str, Any]:
    """Worked on in a folder beside `output`, so that the last step is a rename: all of it appears, or nothing."""
    poster = output.with_name(f"{output.stem}.poster.jpg")
    with tempfile.TemporaryDirectory(prefix=".anb-", dir=output.resolve().parent) as folder:
        converted = convert(source, Path(folder), limits, rules, on_progress=on_progress)
        converted.poster.replace(poster)
        converted.video.replace(output)
    return {"output": str(output), "poster": str(poster), **key_facts(converted.facts)}
