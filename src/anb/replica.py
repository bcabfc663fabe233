"""Public pages may be read from a replica that is near; where it is away, frozen or too old, the primary answers.

Once a second the primary says how far its log has come, and the replica how far it has followed. So the age of what is
read there is known by this host's clock alone, also where nothing happens in the primary for hours.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog
from sqlalchemy import TextClause, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from anb import metrics
from anb.db import REPLICA_PATIENCE_S, Database
from anb.errors import NotFoundError

log = structlog.get_logger(__name__)

Found = TypeVar("Found")

_ASK_EVERY_S = 1.0
_SILENT_AFTER_S = 3.0

# Positions in the log, in bytes. Both are for everybody to ask, also on RDS.
_PRIMARY_IS_AT = text("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
_REPLICA_IS_AT = text(
    "SELECT pg_wal_lsn_diff("
    "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')"
)


class Freshness:
    """What is known of a replica. Moments are seconds of any clock that only runs forward."""

    def __init__(self, longest_lag_s: float) -> None:
        self._longest_lag_s = longest_lag_s
        self._primary: deque[tuple[float, int]] = deque(maxlen=600)
        """When it was asked, and where its log was: what was committed before that moment lies before that place."""
        self._heard_of_primary = self._heard_of_replica = self._failed = float("-inf")
        self._as_of = float("-inf")

    def primary_at(self, asked: float, place: int) -> None:
        self._primary.append((asked, place))
        self._heard_of_primary = asked

    def replica_at(self, asked: float, place: int) -> None:
        self._heard_of_replica = asked
        while self._primary and self._primary[0][1] <= place:
            self._as_of = self._primary.popleft()[0]

    def replica_failed(self, moment: float) -> None:
        """It is asked for no page until it has been heard of again."""
        self._failed = moment

    def lag_s(self, now: float) -> float:
        """Age of the replica: commits older than this are in it; it may hold newer ones too."""
        return now - self._as_of

    def may_be_read(self, now: float) -> bool:
        """While the primary says nothing, an old answer is better than none."""
        is_there = self._heard_of_replica > max(self._failed, now - _SILENT_AFTER_S)
        primary_is_silent = self._heard_of_primary < now - _SILENT_AFTER_S
        return is_there and (primary_is_silent or self.lag_s(now) <= self._longest_lag_s)


class PublicReads:
    """Where public pages are read. Without a replica: from the primary."""

    def __init__(self, primary: Database, replica: Database | None, longest_lag_s: float) -> None:
        self._primary = primary
        self._replica = replica
        self._freshness = Freshness(longest_lag_s)
        self._closing = threading.Event()
        self._watchers: list[threading.Thread] = []

    def open(self) -> None:
        """After the fork."""
        if self._replica is None:
            return
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="replica")
        watched = (
            (self._primary, _PRIMARY_IS_AT, self._freshness.primary_at),
            (self._replica, _REPLICA_IS_AT, self._freshness.replica_at),
        )
        for database, question, hear in watched:
            watcher = threading.Thread(target=self._watch, args=(database, question, hear), daemon=True)
            watcher.start()
            self._watchers.append(watcher)

    def close(self) -> None:
        self._closing.set()
        for watcher in self._watchers:  # whose connection would outlive its pool; a frozen server's is not waited for
            watcher.join(REPLICA_PATIENCE_S)
        if self._replica is not None:
            self._readers.shutdown(wait=False, cancel_futures=True)
            self._replica.dispose()

    def load(self, query: Callable[[Session], Found], *, newest: bool) -> Found:
        """`newest`: with all that was committed before, by whomever. Else it may be as old as the settings allow.

        What the replica does not have (yet) the primary is asked for.
        """
        replica = self._replica
        if replica is not None and not newest and self.uses_replica():
            try:
                found = self._from_replica(replica, query)
            except (SQLAlchemyError, TimeoutError) as error:  # also of a schema that has not come there yet
                self._freshness.replica_failed(time.monotonic())
                log.warning("replica_failed", reason=type(error).__name__)
            except NotFoundError:
                pass
            else:
                metrics.PUBLIC_READS.labels("replica").inc()
                return found
        metrics.PUBLIC_READS.labels("primary").inc()
        with self._primary.read() as session:
            return query(session)

    def uses_replica(self) -> bool:
        return self._replica is not None and self._freshness.may_be_read(time.monotonic())

    def has_replica(self) -> bool:
        return self._replica is not None

    def _from_replica(self, replica: Database, query: Callable[[Session], Found]) -> Found:
        """In another thread, for a server that is frozen keeps whoever asked it."""

        def ask() -> Found:
            with replica.read() as session:
                return query(session)

        return self._readers.submit(ask).result(REPLICA_PATIENCE_S)

    def _watch(self, database: Database, question: TextClause, hear: Callable[[float, int], None]) -> None:
        while not self._closing.is_set():
            asked = time.monotonic()
            try:
                with database.read() as session:
                    place = session.execute(question).scalar_one()
                if place is not None:  # a replica that has replayed nothing yet has no place
                    hear(asked, int(place))
            except SQLAlchemyError as error:
                if not self._closing.is_set():
                    log.warning("replication_unknown", reason=type(error).__name__)
            metrics.REPLICA_LAG.set(self._freshness.lag_s(time.monotonic()))
            self._closing.wait(_ASK_EVERY_S)
