"""Into an empty system, from a place. Nothing else may run on it meanwhile.

Objects come first and rows last, in one transaction: a restore that is cut off has restored nothing, and may be
repeated; it goes on with the objects that are there already.
"""

import gzip
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO, cast

from sqlalchemy import func, insert, inspect, select, text
from sqlalchemy.orm import Session

from anb import migrations
from anb.backups import rows
from anb.backups.copy_out import OnProgress
from anb.backups.finished import UNREADABLE, Backup
from anb.backups.listing import Entry, Listing, listing
from anb.backups.manifest import BackupError, Manifest, Part
from anb.backups.place import Place, named, reading, sha256_of
from anb.db import Database
from anb.processing import repository as processing
from anb.storage.base import ORIGINALS, RESULTS, Storage, Writer
from anb.storage.reading import chunks
from anb.videos import repository as videos
from anb.voting.recount import Difference, recount
from anb.voting.taking_down import remove_rows

_ROWS_AT_ONCE = 1000


@dataclass
class Restored:
    backup: Backup
    manifest: Manifest
    stored: int = 0
    found: int = 0
    """Objects that an earlier, cut off restore had stored."""
    handed_back: int = 0
    """Videos that were being processed: they wait again."""
    damaged: list[str] = field(default_factory=list)
    """Keys whose copy in the backup is gone or no longer what it was: not restored."""
    differences: list[Difference] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return self.manifest.whole and not self.damaged and not self.differences


def restore(backup: Backup, database: Database, storage: Storage, on_progress: OnProgress) -> Restored:
    manifest = backup.manifest()
    _require_known_schema(manifest)
    backup.require_sound_rows(manifest)
    with listing() as wanted:
        for entry in backup.entries():
            wanted.put(entry)
        _require_empty(database, storage, wanted, manifest)
        restored = Restored(backup, manifest)
        _copy_objects(backup.place, storage, wanted, restored, on_progress)
    with database.write() as session:
        load(session, backup, manifest)
        restored.handed_back = processing.hand_back_all(session)
        session.execute(text("ANALYZE"))  # else the first readers are served by plans for empty tables
    restored.differences = recount(database, repair=False)
    return restored


def _require_known_schema(manifest: Manifest) -> None:
    if not migrations.knows(manifest.schema_revision):
        raise BackupError(
            f"This backup's schema is at step {manifest.schema_revision}, which this version does not know:"
            f" restore it with version {manifest.anb_version} or a newer one."
        )


def _require_empty(database: Database, storage: Storage, wanted: Listing, manifest: Manifest) -> None:
    revision = migrations.revision(database)
    if revision not in (None, manifest.schema_revision):
        raise BackupError(
            f"The database has a schema at step {revision}, the backup is of step {manifest.schema_revision}:"
            " name a database without any."
        )
    with database.read() as session:
        _require_no_rows(session)
    for folder in (ORIGINALS, RESULTS):
        for stored in storage.objects(folder):
            if wanted.get(stored.key) is None:
                raise BackupError(f"Storage is not empty (it has {stored.key}): name an empty one.")


def _require_no_rows(session: Session) -> None:
    tables = set(inspect(session.connection()).get_table_names())
    full = [name for name in sorted(tables - {"alembic_version"}) if _has_rows(session, name)]
    if full:
        raise BackupError(
            f"The database is not empty ({', '.join(full)} has rows): name an empty one, or an empty ANB_DATA_DIR."
        )


def _has_rows(session: Session, name: str) -> bool:
    return session.execute(text(f'SELECT 1 FROM "{name}" LIMIT 1')).first() is not None  # noqa: S608  # a table's own name


def _copy_objects(place: Place, storage: Storage, wanted: Listing, restored: Restored, on_progress: OnProgress) -> None:
    total = len(wanted)
    for done, entry in enumerate(wanted):
        on_progress(100 * done / total)
        with named(entry.key):
            if _is_stored(storage, entry):
                restored.found += 1
            elif _store(place, storage, entry):
                restored.stored += 1
            else:
                restored.damaged.append(entry.key)
    on_progress(100)


def _is_stored(storage: Storage, entry: Entry) -> bool:
    if not storage.exists(entry.key):
        return False
    with reading(storage, entry.key) as file:
        return sha256_of(file) == entry.sha256


def _store(place: Place, storage: Storage, entry: Entry) -> bool:
    """Judged on its way in, so that nothing damaged ever gets a name. False: it is damaged, or the place lost it."""
    with ExitStack() as stack:
        try:
            source = stack.enter_context(place.open(f"files/{entry.key}"))
        except FileNotFoundError:
            return False
        writer = storage.create(entry.key)
        try:
            sound = _pour(source, writer) == entry.sha256
            if sound:
                writer.commit()
        except BaseException:
            writer.abort()
            raise
        if not sound:
            writer.abort()
        return sound


def _pour(source: BinaryIO, writer: Writer) -> str:
    """Returns the SHA-256 of what went through."""
    seen = hashlib.sha256()
    for chunk in chunks(source):
        seen.update(chunk)
        writer.write(chunk)
    return seen.hexdigest()


def load(session: Session, backup: Backup, manifest: Manifest) -> None:
    """Every row into the schema that it came from, then the steps since, then without the videos that were
    deleted, or taken down with their votes, while the objects were copied."""
    migrations.upgrade_on(session.connection(), manifest.schema_revision)
    _require_no_rows(session)  # again, behind the migration's lock: of two restores at once one waited there
    for name, part in manifest.tables.items():
        with backup.place.open(f"{backup.moment}/tables/{name}.jsonl.gz") as packed:
            try:
                _load_table(session, packed, part)
            except UNREADABLE as error:
                raise backup.refused(f"tables/{name}.jsonl.gz cannot be read ({error})") from error
    migrations.upgrade_on(session.connection(), "head")
    for video_id in manifest.deleted_since:
        video = videos.get(session, video_id)
        if video is not None:
            remove_rows(session, video)


def _load_table(session: Session, packed: BinaryIO, part: Part) -> None:
    with gzip.open(packed) as file:
        lines = iter(cast("Iterator[bytes]", file))
        reader = rows.Reader(next(lines))
        while batch := [reader.row(line) for line in islice(lines, _ROWS_AT_ONCE)]:
            session.execute(insert(reader.table), batch)
    loaded = session.execute(select(func.count()).select_from(reader.table)).scalar_one()
    if loaded != part.count:
        raise ValueError(f"it has {loaded} rows where the manifest says {part.count}")
