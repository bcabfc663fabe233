"""Whether a backup could be restored, or a system is whole: everything is read, nothing is changed."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select

from anb.backups.copy_in import load
from anb.backups.copy_out import STORED, OnProgress
from anb.backups.finished import Backup
from anb.backups.manifest import Manifest
from anb.backups.place import reading, sha256_of
from anb.db import Database
from anb.storage.base import Storage
from anb.videos.models import Video
from anb.voting.recount import Difference, recount


@dataclass
class Checked:
    manifest: Manifest
    objects: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not (self.missing or self.damaged or self.differences)


def check_backup(backup: Backup, on_progress: OnProgress) -> Checked:
    """The rows are put into a database that is thrown away, for only so can they be counted again."""
    manifest = backup.manifest()
    backup.require_sound_rows(manifest)
    checked = Checked(manifest, missing=list(manifest.missing), damaged=list(manifest.damaged))
    with tempfile.TemporaryDirectory(prefix="anb-check-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'anb.db'}")
        with database.write() as session:
            load(session, backup, manifest)
        checked.differences = recount(database, repair=False)
        database.dispose()
    _read_objects(backup, checked, lambda key: backup.place.open(f"files/{key}"), on_progress)
    return checked


def check_system(backup: Backup, database: Database, storage: Storage, on_progress: OnProgress) -> Checked:
    """After a restore: each object that a row names is there and is what the backup says, and totals equal rows."""
    manifest = backup.manifest()
    checked = Checked(manifest, differences=recount(database, repair=False))
    _read_objects(backup, checked, lambda key: reading(storage, key), on_progress)
    checked.missing += _named_but_absent(database, storage, set(checked.missing))
    return checked


def _read_objects(
    backup: Backup, checked: Checked, opened: Callable[[str], AbstractContextManager[BinaryIO]], on_progress: OnProgress
) -> None:
    for entry in backup.entries():
        checked.objects += 1
        on_progress(100 * checked.objects / max(checked.manifest.files.count, 1))
        try:
            with opened(entry.key) as file:
                if sha256_of(file) != entry.sha256:
                    checked.damaged.append(entry.key)
        except FileNotFoundError:
            checked.missing.append(entry.key)


def _named_but_absent(database: Database, storage: Storage, known: set[str]) -> list[str]:
    query = select(*(getattr(Video, column) for column in STORED)).execution_options(yield_per=1000)
    with database.snapshot() as (connection, _):
        keys = (key for row in connection.execute(query) for key in row if key)
        return [key for key in keys if key not in known and not storage.exists(key)]
