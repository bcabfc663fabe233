"""Where attempts work: a folder each, on the worker's own disk or on one that workers share."""

import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from anb.db import Database
from anb.processing import repository


def folder_of(scratch: Path, video_id: uuid.UUID, attempt: int) -> Path:
    return scratch / f"{video_id}.{attempt}"


def sweep(database: Database, scratch: Path) -> int:
    """A folder whose attempt is not running was left by a worker that was killed. Returns a count."""
    folders = [path for path in scratch.glob("*.*") if path.is_dir()] if scratch.is_dir() else []
    attempts = {}
    for folder in folders:
        with suppress(ValueError):
            attempts[folder] = uuid.UUID(folder.stem)
    if not attempts:
        return 0
    with database.read() as session:
        found = repository.possessions(session, list(attempts.values()))
    stray = []
    for folder, video_id in attempts.items():
        owned = found.get(video_id)
        if owned is None or str(owned.running_attempt) != folder.suffix[1:]:
            stray.append(folder)
    for folder in stray:
        shutil.rmtree(folder, ignore_errors=True)
    return len(stray)
