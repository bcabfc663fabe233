"""One file into the house format, without a server."""

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anb.commands.reports import key_facts
from anb.messages import NOTICES
from anb.processing.convert import convert
from anb.processing.limits import Limits, Rules


def process_one(
    source: Path, output: Path, limits: Limits, rules: Rules, on_progress: Callable[[float], None]
) -> dict[str, Any]:
    """Worked on in a folder beside `output`, so that each of the two files appears whole, the video last."""
    poster = output.with_name(f"{output.stem}.poster.jpg")
    if poster.is_dir():  # before minutes of work, whose result would have no place
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(poster))
    with tempfile.TemporaryDirectory(prefix=".anb-", dir=output.resolve().parent) as folder:
        converted = convert(source, Path(folder), limits, rules, on_progress=on_progress)
        converted.poster.replace(poster)
        converted.video.replace(output)
    said = [{"code": notice.value, "detail": NOTICES[notice].render("en")} for notice in converted.notices]
    return {"output": str(output), "poster": str(poster), **key_facts(converted.facts), "notices": said}
