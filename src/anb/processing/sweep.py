"""What nobody else does: rings again, frees what a dead worker held, removes bytes that belong to no video.

Safe to run anywhere and twice at once.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import structlog

from anb import metrics
from anb.db import Database
from anb.players import repository as players
from anb.processing import repository, scratch
from anb.processing.failures import FailureCode
from anb.processing.strays import Possession, Verdict, are_ours, judge
from anb.storage.base import ORIGINALS, RESULTS, Storage, StoredObject
from anb.videos import arrivals

log = structlog.get_logger(__name__)

T = TypeVar("T")

_RINGS_A_SWEEP = 50  # bounds how fast a queue that is merely long can fill with repeated rings
_LOOKED_UP_AT_ONCE = 500


@dataclass(frozen=True)
class RowSweeper:
    """Knows no storage: one that hangs keeps no lease from being freed."""

    database: Database
    ring: Callable[[uuid.UUID], bool]
    max_attempts: int
    ring_again_after_s: float

    def sweep(self) -> None:
        with self.database.write() as session:
            freed, failed = repository.free_expired(session, self.max_attempts)
        with self.database.write() as session:
            unheard = repository.take_unheard(session, self.ring_again_after_s, _RINGS_A_SWEEP)
        for video_id in unheard:  # after the commit
            if not self.ring(video_id):
                break
        metrics.FAILURES.labels(FailureCode.CRASHED.value).inc(freed + failed)
        metrics.WORKER_HEARTBEAT.set_to_current_time()
        if freed or failed or unheard:
            log.info("rows_swept", freed=freed, failed=failed, rung=len(unheard))


@dataclass(frozen=True)
class ByteSweeper:
    database: Database
    storage: Storage
    scratch: Path
    orphan_age_s: float

    def sweep(self) -> int:
        """Names are listed before rows are looked up: what is stored in between is not judged. Returns a count.

        A new database, or the address of another one, must not cost all media: see `strays.py`.
        """
        with self.database.read() as session:
            begun_at = players.begun_at(session)
        before = self.storage.now() - timedelta(seconds=self.orphan_age_s)
        removed = self.storage.remove_unfinished(before)
        with_row = foreign = 0
        without_row = []
        for owner, stored in self._owned():
            with_row += owner is not None
            match judge(stored, owner, before=before, begun_at=begun_at):
                case Verdict.LEFT_OVER:
                    self.storage.delete(stored.key)
                    removed += 1
                case Verdict.WITHOUT_ROW:
                    without_row.append(stored.key)
                case Verdict.FOREIGN:
                    foreign += 1
        if are_ours(len(without_row), with_row):
            removed += self._remove_unless_wanted(without_row)
        else:
            foreign += len(without_row)
        removed += scratch.sweep(self.database, self.scratch)
        if foreign:
            log.error("media_of_another_database", objects=foreign, fix="is DATABASE_URL the one of this MEDIA_ROOT?")
        if removed:
            log.info("bytes_swept", removed=removed)
        return removed

    def _remove_unless_wanted(self, keys: Sequence[str]) -> int:
        """Looked up once more, for the listing may have been long: a resumable upload whose host died when it was
        stored, but no video yet, is finished by the next start, however late that is."""
        removed = 0
        for batch in _batches(keys):
            ids = [_video_of(key) for key in batch]
            with self.database.read() as session:
                wanted = arrivals.under_way(session, ids)  # first: what is no longer that, is a video by now, or gone
                wanted |= repository.possessions(session, ids).keys()
            for key, video_id in zip(batch, ids, strict=True):
                if video_id not in wanted:
                    self.storage.delete(key)
                    removed += 1
        return removed

    def _owned(self) -> Iterator[tuple[Possession | None, StoredObject]]:
        for batch in _batches(chain(self.storage.objects(ORIGINALS), self.storage.objects(RESULTS))):
            with self.database.read() as session:
                found = repository.possessions(session, [_video_of(stored.key) for stored in batch])
            for stored in batch:
                yield found.get(_video_of(stored.key)), stored


def _video_of(key: str) -> uuid.UUID:
    return uuid.UUID(key.partition("/")[2].partition(".")[0])


def _batches(all_of_them: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(all_of_them)
    while batch := list(islice(remaining, _LOOKED_UP_AT_ONCE)):
        yield batch
