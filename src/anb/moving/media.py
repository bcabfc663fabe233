"""All media that rows name, from one storage to another, while both are in use.

Nothing is believed that was not read back: an object counts as moved once its bytes came out of the target with the
SHA-256 that went in, for an original the one that its row holds since the upload. Nothing leaves the source before.
What no row names is left to the sweep. How the processes are switched over: docs/howto/move-the-media.md.
"""

import hashlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import BinaryIO

import structlog

from anb.db import Database
from anb.moving.journal import Journal, Verified
from anb.storage.base import ORIGINALS, RESULTS, Storage
from anb.storage.reading import UnreadableError, readable
from anb.videos import repository
from anb.videos.repository import NamedObject

log = structlog.get_logger(__name__)

_AT_ONCE = 4  # one waits for the other storage while the next one reads
_ROWS_AT_ONCE = 200
_PASSES = 5


class LostError(Exception):
    """An object left the target when it was deleted from the source."""


def are_one_place(source: Storage, target: Storage) -> bool:
    """Whether an object that is put into the target is found in the source. Asked of the storages themselves: paths
    and addresses do not tell links, mounts, host names or a bucket's other spellings. Each folder may be a mount."""
    for folder in (ORIGINALS, RESULTS):
        key = f"{folder}/{uuid.uuid4()}.mp4"
        if source.exists(key):  # a storage that finds everything cannot be asked
            return True
        writer = target.create(key)
        try:
            writer.write(b"Is this one place? No row names this; the sweep removes it.")
            writer.commit()
            if source.exists(key):
                return True
        finally:
            writer.abort()
    return False


class _Fate(Enum):
    COPIED = "copied"
    ALREADY_THERE = "already there"  # written there by a process that was switched over
    GONE = "gone"  # its video was deleted meanwhile
    MISSING = "missing"
    DAMAGED = "damaged"


@dataclass
class Outcome:
    copied: int = 0
    copied_bytes: int = 0
    in_target: int = 0
    """Objects that rows name and that are there, verified or put there by the application itself."""
    missing: list[str] = field(default_factory=list)
    """Named by a row and in neither storage."""
    damaged: list[str] = field(default_factory=list)
    """Not what the row says was uploaded, not what went in, or not to be read."""
    settled: bool = False
    """A whole pass found nothing more to copy."""
    deleted: int = 0

    @property
    def complete(self) -> bool:
        return self.settled and not self.missing and not self.damaged


@dataclass(frozen=True)
class Move:
    database: Database
    source: Storage
    target: Storage
    journal: Journal
    scratch: Path
    """Emptied first: a folder of this move alone."""
    on_progress: Callable[[Outcome], None] = lambda _: None

    def run(self) -> Outcome:
        """Passes until one finds nothing new: uploads arrive while it copies."""
        outcome = Outcome()
        with self._own_scratch():
            for _ in range(_PASSES):
                before = outcome.copied
                outcome.in_target, outcome.missing, outcome.damaged = 0, [], []
                self._pass(outcome)
                if outcome.copied == before:
                    outcome.settled = True
                    break
        return outcome

    def delete_source(self, outcome: Outcome) -> None:
        """After a complete run only. Deletes what is verified and still there at this moment, and nothing else."""
        if not outcome.complete:
            raise ValueError("only a complete move may delete")
        in_source, in_target = _sizes(self.source), _sizes(self.target)
        with self._own_scratch():
            for batch in self._named():
                for named in batch:
                    known = self.journal.get(named.key, in_target.get(named.key))
                    if named.key in in_source and known:
                        outcome.deleted += self._delete(named, known)

    @contextmanager
    def _own_scratch(self) -> Iterator[None]:
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)
        try:
            yield
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _delete(self, named: NamedObject, known: Verified) -> bool:
        if not (self.journal.is_fresh(named.key) or self._is_still(known)):
            return False
        self.source.delete(named.key)
        if not self.target.exists(named.key) and self._is_named_still(named):
            raise LostError(
                f"{named.key} left the target when it was deleted from the source: something links the two,"
                " or empties the target. Nothing more was deleted. Bring it back from a backup."
            )
        return True

    def _is_still(self, known: Verified) -> bool:
        """Read again: since it was noted it may have rotted, or been written anew by a move the other way round."""
        try:
            with self.target.local(known.key, self.scratch) as path:
                if _digest(path) == known.sha256:
                    return True
        except FileNotFoundError:  # its video was deleted since the list was made, or the next run copies it again
            log.warning("object_not_in_target", key=known.key)
            return False
        log.error("object_changed_in_target", key=known.key)
        return False

    def _pass(self, outcome: Outcome) -> None:
        sizes = _sizes(self.target)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for batch in self._named():
                wanted = [named for named in batch if not self.journal.has(named.key, sizes.get(named.key))]
                outcome.in_target += len(batch) - len(wanted)
                for named, (fate, verified) in zip(wanted, pool.map(self._bring, wanted), strict=True):
                    if verified is not None:
                        self.journal.add(verified)
                        outcome.copied += 1
                        outcome.copied_bytes += verified.size
                    outcome.in_target += fate in {_Fate.COPIED, _Fate.ALREADY_THERE}
                    outcome.missing += [named.key] * (fate is _Fate.MISSING)
                    outcome.damaged += [named.key] * (fate is _Fate.DAMAGED)
                self.on_progress(outcome)

    def _named(self) -> Iterator[list[NamedObject]]:
        after = uuid.UUID(int=0)
        while True:
            with self.database.read() as session:
                videos = repository.named_objects(session, after, _ROWS_AT_ONCE)
            if not videos:
                return
            after = max(videos)
            yield [named for objects in videos.values() for named in objects]

    def _bring(self, named: NamedObject) -> tuple[_Fate, Verified | None]:
        try:
            verified = self._copy(named)
        except FileNotFoundError:
            return self._not_in_source(named), None
        except UnreadableError as error:
            log.error("object_unreadable", key=named.key, reason=str(error))
            return _Fate.DAMAGED, None
        if verified is None:
            log.error("object_damaged", key=named.key)
            return _Fate.DAMAGED, None
        return _Fate.COPIED, verified

    def _copy(self, named: NamedObject) -> Verified | None:
        """None where the bytes are not what they should be: then they do not stay in the target."""
        with readable(self.source, self._opened(named.key)) as chunks:
            verified = self._put(chunks, named)
        if verified is None:
            return None
        with self.target.local(named.key, self.scratch) as path:
            if _digest(path) == verified.sha256:
                return verified
        self.target.delete(named.key)
        return None

    @contextmanager
    def _opened(self, key: str) -> Iterator[BinaryIO]:
        with self.source.local(key, self.scratch) as path, path.open("rb") as file:
            yield file

    def _put(self, chunks: Iterator[bytes], named: NamedObject) -> Verified | None:
        digest, size = hashlib.sha256(), 0
        writer = self.target.create(named.key)
        try:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                writer.write(chunk)
            if named.sha256 not in {None, digest.hexdigest()}:
                writer.abort()
                return None
            writer.commit()
        except BaseException:
            writer.abort()
            raise
        return Verified(named.key, size, digest.hexdigest())

    def _not_in_source(self, named: NamedObject) -> _Fate:
        if self.target.exists(named.key):
            return _Fate.ALREADY_THERE
        return _Fate.MISSING if self._is_named_still(named) else _Fate.GONE

    def _is_named_still(self, named: NamedObject) -> bool:
        """Or its video was deleted meanwhile, which is no loss."""
        with self.database.read() as session:
            return named in repository.named_objects(session, _just_before(named.video_id), 1).get(named.video_id, [])


def _just_before(video_id: uuid.UUID) -> uuid.UUID:
    return uuid.UUID(int=video_id.int - 1)


def _sizes(storage: Storage) -> dict[str, int]:
    return {stored.key: stored.size for folder in (ORIGINALS, RESULTS) for stored in storage.objects(folder)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
