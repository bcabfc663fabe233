"""Out of a running system, into a place. Nobody who uploads or votes meanwhile has to wait.

First the rows, in one transaction that sees one moment; then the objects that these rows name. Bytes come before rows
when a video is taken, so what the rows name is there, unless its owner deleted it since.
"""

import gzip
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, Connection, Table, select, true

from anb import __version__, migrations
from anb.backups import rows
from anb.backups.finished import Backup
from anb.backups.listing import Entry, Listing, listing
from anb.backups.manifest import MANIFEST, BackupError, Manifest, Part
from anb.backups.place import Hashing, Place, reading, sha256_of, writing
from anb.db import Database
from anb.schema import metadata
from anb.storage.base import Storage
from anb.storage.reading import UnreadableError, readable
from anb.uploads.models import Upload
from anb.videos.models import Arrival, Video

log = structlog.get_logger(__name__)

# A column that names an object, and the one that knows its content.
STORED: dict[str, str | None] = {"original_key": "original_sha256", "processed_key": None, "poster_key": None}

# Without its bytes, which are not copied, an unfinished upload would be nothing; its client begins anew. A finished one
# answers the client that missed the answer.
_ONLY: dict[str, ColumnElement[bool]] = {
    Upload.__tablename__: Upload.finished_at.is_not(None),
    Arrival.__tablename__: Arrival.under_way.is_(False),
}

OnProgress = Callable[[float], None]


@dataclass
class Made:
    backup: Backup
    manifest: Manifest
    copied: int = 0
    reused: int = 0


def make(database: Database, storage: Storage, place: Place, on_progress: OnProgress) -> Made:
    revision = migrations.revision(database)
    if migrations.is_newer(revision):
        raise BackupError(
            f"The schema is at step {revision}, which a newer version made: make the backup with that one, for this one"
            " does not know all that is in it."
        )
    if revision != migrations.head():
        raise BackupError("The schema is not at this version's newest step: run `anb migrate` first.")
    with ExitStack() as stack:
        stack.enter_context(place.held())
        wanted, before = stack.enter_context(listing()), stack.enter_context(listing())
        _read_newest(place, before)
        snapshot_at, tables, moment = _copy_rows(database, place, wanted)
        copies = _Copies(storage, place, before)
        files = copies.take(moment, wanted, on_progress)
        deleted, missing = _what_became_of(database, copies.absent)
        manifest = Manifest(
            snapshot_at=snapshot_at,
            finished_at=datetime.now(UTC),
            schema_revision=str(migrations.head()),
            anb_version=__version__,
            made_of=database.engine.dialect.name,
            tables=tables,
            files=files,
            stored_bytes=copies.bytes,
            deleted_since=deleted,
            missing=missing,
            damaged=copies.damaged,
        )
        with writing(place, f"{moment}/{MANIFEST}") as file:
            file.write(manifest.encode())
        return Made(Backup(place, moment), manifest, copies.copied, copies.reused)


def _read_newest(place: Place, into: Listing) -> None:
    """The newest whose list of files can be believed. Who knew none would copy results over those that earlier backups
    name, and no row tells whether what is copied is still good."""
    for moment in reversed(place.moments()):
        earlier = Backup(place, moment)
        try:
            earlier.require_sound_list(earlier.manifest())
        except BackupError as error:
            log.warning("backup_is_damaged", reason=str(error))
            continue
        except PermissionError as error:  # made by hand, as another user: the next run by the clock goes on
            log.warning("backup_may_not_be_read", path=error.filename)
            continue
        for entry in earlier.entries():
            into.put(entry)
        return


def _copy_rows(database: Database, place: Place, wanted: Listing) -> tuple[datetime, dict[str, Part], str]:
    with database.snapshot() as (connection, snapshot_at):
        moment = snapshot_at.strftime("%Y%m%dT%H%M%S.%fZ")
        tables = {table.name: _copy_table(connection, table, place, moment, wanted) for table in metadata.sorted_tables}
    return snapshot_at, tables, moment


def _copy_table(connection: Connection, table: Table, place: Place, moment: str, wanted: Listing) -> Part:
    count = 0
    with _packing(place, f"{moment}/tables/{table.name}.jsonl.gz") as (packed, file):
        packed.write(rows.header(table))
        query = select(table).where(_ONLY.get(table.name, true())).order_by(*table.primary_key)
        for row in connection.execute(query.execution_options(yield_per=1000)):
            packed.write(rows.line(row))
            count += 1
            if table.name == Video.__tablename__:
                _want(row, wanted)
    return Part(count, file.bytes, file.sha256)


def _want(row: Any, wanted: Listing) -> None:
    for column, known_by in STORED.items():
        key = getattr(row, column)
        if key is not None:
            wanted.put(Entry(key, None, getattr(row, known_by) if known_by else None, str(row.id)))


@contextmanager
def _packing(place: Place, name: str) -> Iterator[tuple[gzip.GzipFile, Hashing]]:
    with (
        writing(place, name) as file,
        gzip.GzipFile(fileobj=cast("Any", file), mode="wb", compresslevel=1, filename="", mtime=0) as packed,
    ):
        yield packed, file


@dataclass
class _Copies:
    storage: Storage
    place: Place
    before: Listing
    """What the newest readable backup in the place has."""
    copied: int = 0
    reused: int = 0
    bytes: int = 0
    absent: list[Entry] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def take(self, moment: str, wanted: Listing, on_progress: OnProgress) -> Part:
        total = len(wanted)
        with _packing(self.place, f"{moment}/files.jsonl.gz") as (packed, file):
            for done, wish in enumerate(wanted):
                on_progress(100 * done / total)
                try:
                    entry = self._kept(wish) or self._copy(wish)
                except UnreadableError as error:  # a backup without it is better than none
                    log.error("object_unreadable", key=wish.key, reason=str(error))
                    self.damaged.append(wish.key)
                    continue
                if entry is None:
                    self.absent.append(wish)
                    continue
                self.bytes += entry.size or 0
                packed.write(rows.line((entry.key, entry.size, entry.sha256)))
        on_progress(100)
        return Part(self.copied + self.reused, file.bytes, file.sha256)

    def _kept(self, wish: Entry) -> Entry | None:
        """Content never changes under a key, so what was copied once is copied; unless it does not look like it."""
        name = f"files/{wish.key}"
        size = self.place.size(name)
        if size is None:
            return None
        known = self.before.get(wish.key)
        if known is None and wish.sha256 is not None:  # of a backup that was cut off: what it copied can be told
            with self.place.open(name) as file:
                known = Entry(wish.key, size, sha256_of(file))
        if known is None or known.size != size or wish.sha256 not in (None, known.sha256):
            return None
        self.reused += 1
        return known

    def _copy(self, wish: Entry) -> Entry | None:
        """None: storage does not have it."""
        with ExitStack() as stack:
            try:
                source = stack.enter_context(readable(self.storage, reading(self.storage, wish.key)))
            except FileNotFoundError:
                return None
            target = stack.enter_context(writing(self.place, f"files/{wish.key}"))
            for chunk in source:
                target.write(chunk)
        self.copied += 1
        if wish.sha256 not in (None, target.sha256):
            self.damaged.append(wish.key)
        return Entry(wish.key, target.bytes, target.sha256)


def _what_became_of(database: Database, absent: Sequence[Entry]) -> tuple[list[uuid.UUID], list[str]]:
    """An object that is gone together with its row was deleted by its owner; gone alone, it was lost."""
    deleted, missing = set(), []
    with database.read() as session:
        for entry in absent:
            if session.get(Video, uuid.UUID(entry.video_id)) is None:
                deleted.add(uuid.UUID(entry.video_id))
            else:
                missing.append(entry.key)
    return sorted(deleted), missing
