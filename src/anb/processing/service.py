"""From a pending row to a published video.

Two short transactions, claim and finish, with FFmpeg between them holding no connection.
"""

import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from anb import metrics
from anb.db import Database, is_passing
from anb.processing import repository
from anb.processing.convert import Converted, convert
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.limits import Limits, Rules
from anb.processing.repository import Claim
from anb.processing.retry import Retry, after_failure
from anb.processing.scratch import folder_of, sweep
from anb.storage.base import RESULTS, Storage
from anb.storage.patience import Patience
from anb.storage.trouble import is_full

log = structlog.get_logger(__name__)

_HEARTBEAT_S = 2.0
_STORAGE_AWAY_S = 30.0
_PATIENCE_S = 20.0
_ASKS_AGAIN_AFTER_S = 1.0

# Told as 0 before there is one, so that the first is seen as a rise: the faults that may be the machine's, and how an
# attempt ends.
for _code in FailureCode:
    if not _code.permanent:
        metrics.FAILURES.labels(_code.value)
for _outcome in ("completed", "to_be_retried", "failed", "handed_back", "storage_away", "lost"):
    metrics.PROCESSED.labels(_outcome)


class _LostError(Exception):
    """The video was deleted, or another worker has it: this attempt's output is worth nothing."""


class _StoppingError(Exception):
    """This worker is about to end and cannot finish in time."""


@dataclass(frozen=True)
class Workshop:
    database: Database
    storage: Storage
    limits: Limits
    rules: Rules
    scratch: Path
    lease_s: float
    max_attempts: int
    must_stop: Callable[[], bool]
    """True once the grace time of a shutdown has passed."""
    published: Callable[[], None]
    patience: Patience = field(default_factory=lambda: Patience(_PATIENCE_S))

    def process(self, video_id: uuid.UUID) -> str:
        """Safe to call any number of times, anywhere, at once: the claim decides. Returns what became of it."""
        if self._storage_is_silent():
            return "storage_silent"
        with self.database.write() as session:
            held = repository.claim(session, video_id, self.lease_s)
        metrics.WORKER_HEARTBEAT.set_to_current_time()
        if held is None:
            return "not_mine"
        with structlog.contextvars.bound_contextvars(
            video_id=str(video_id), request_id=held.request_id, attempt=held.attempt
        ):
            self._make_room()
            started = time.monotonic()
            try:
                outcome = self._attempt(held)
            except Exception as error:
                log.error("job_broken", exc_info=error)  # here, where the ids are still at hand
                raise
            seconds = time.monotonic() - started
            log.info("video_processed", outcome=outcome, seconds=round(seconds, 2))
        metrics.PROCESSED.labels(outcome).inc()
        metrics.PROCESSING_SECONDS.observe(seconds)
        return outcome

    def _attempt(self, held: Claim) -> str:
        scratch = folder_of(self.scratch, held.video_id, held.attempt)
        try:
            # It may be beside the media: where their share is not mounted, it would be made under the mount point.
            self.patience.ask(self.storage.check)
            scratch.mkdir(parents=True)
            return self._publish(held, self._convert(held, scratch))
        except _LostError:
            return "lost"
        except _StoppingError:
            self._end(lambda session: repository.hand_back(session, held))
            return "handed_back"
        except ProcessingFailed as failure:
            return self._failed(held, failure)
        except OSError as error:
            if self._storage_is_away():
                return self._wait_for_storage(held, error)
            # This object or the worker's own disk: the machine's trouble, so it is tried again.
            code = FailureCode.DISK_FULL if is_full(error) else FailureCode.INTERNAL
            return self._failed(held, ProcessingFailed(code, log_detail=repr(error)))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _make_room(self) -> None:
        """Of what a killed worker left here: who sweeps may run on another host."""
        try:
            sweep(self.database, self.scratch)
        except (OSError, SQLAlchemyError) as error:
            log.warning("scratch_not_swept", reason=str(error))

    def _convert(self, held: Claim, scratch: Path) -> Converted:
        heartbeat = _Heartbeat(self, held)
        try:
            with self.storage.local(held.original_key, scratch, heartbeat) as source:
                return convert(source, scratch, self.limits, self.rules, on_progress=heartbeat)
        except FileNotFoundError as error:
            if self._storage_is_away():  # a share that is not mounted has no files at all
                raise
            raise ProcessingFailed(FailureCode.SOURCE_MISSING, log_detail=repr(error)) from error

    def _publish(self, held: Claim, converted: Converted) -> str:
        """Bytes before rows. The keys hold the attempt, so a late twin cannot overwrite what is published."""
        stem = f"{RESULTS}/{held.video_id}.{held.attempt}"
        keys = (f"{stem}.mp4", f"{stem}.jpg")
        heartbeat = _Heartbeat(self, held, percent=99.0)
        try:
            self.storage.put_file(converted.video, keys[0], heartbeat)
            self.storage.put_file(converted.poster, keys[1], heartbeat)
        except BaseException:
            self._discard(keys)
            raise
        # Where this raises nobody knows whether it was published: the sweep will, and until then the files stay.
        if not self._end(lambda session: repository.publish(session, held, *keys, converted.notices)):
            self._discard(keys)
            return "lost"
        metrics.MEDIA_SECONDS.inc(converted.facts.duration_s)
        self.published()
        return "completed"

    def _end(self, write: Callable[[Session], bool]) -> bool:
        """The attempt's last word, again and again while the database is away: its lease outlasts a failover, and
        minutes of work are worth the wait."""
        until = time.monotonic() + self.lease_s
        while True:
            try:
                with self.database.write() as session:
                    return write(session)
            except SQLAlchemyError as error:
                if not is_passing(error) or self.must_stop() or time.monotonic() > until:
                    raise
                log.warning("database_away", reason=repr(error))
            time.sleep(_ASKS_AGAIN_AFTER_S)

    def _discard(self, keys: Sequence[str]) -> None:
        for key in keys:
            try:
                self.storage.delete(key)
            except OSError as error:  # whatever brought us here is what counts
                log.warning("bytes_left_for_the_sweep", key=key, reason=str(error))

    def _storage_is_away(self) -> bool:
        try:
            self.patience.ask(self.storage.check)
        except OSError:
            return True
        return False

    def _storage_is_silent(self) -> bool:
        """Whoever took a video now would lose it with its lease, and the next one too, until no attempt is left. Until
        it is heard of again nothing is taken, and the sweep rings on."""
        try:
            self.patience.ask(self.storage.check)
        except TimeoutError as error:
            log.warning("storage_silent", reason=repr(error))
            return True
        except OSError:  # it says what is wrong: then the video is taken, and handed back with a delay
            pass
        return False

    def _wait_for_storage(self, held: Claim, error: Exception) -> str:
        """No fault of the video, so none of its attempts is used up: an outage may last longer than all of them."""
        log.warning("storage_away", reason=repr(error))
        kept = self._end(lambda session: repository.hand_back(session, held, delay_s=_STORAGE_AWAY_S))
        return "storage_away" if kept else "lost"

    def _failed(self, held: Claim, failure: ProcessingFailed) -> str:
        if self._storage_is_away():  # what FFmpeg waited for, could not read, or wrote and is not there any more
            return self._wait_for_storage(held, failure)
        log.warning("attempt_failed", code=failure.code.value, detail=failure.log_detail)
        decision = after_failure(failure.code, held.failures + 1, self.max_attempts)

        def note(session: Session) -> bool:
            if isinstance(decision, Retry):
                return repository.retry_later(session, held, decision.delay_s)
            return repository.fail(session, held, failure.code, failure.params)

        if not self._end(note):
            return "lost"
        metrics.FAILURES.labels(failure.code.value).inc()
        return "to_be_retried" if isinstance(decision, Retry) else "failed"


class _Heartbeat:
    """Called with each sign of life of FFmpeg or of the storage; every two seconds it stores progress and extends the
    lease."""

    def __init__(self, workshop: Workshop, held: Claim, percent: float = 0.0) -> None:
        self._workshop = workshop
        self._held = held
        self._percent = percent
        self._last = time.monotonic()

    def __call__(self, percent: float | None = None) -> None:
        """Without a number: alive, and no further than before."""
        if percent is not None:
            self._percent = percent
        if self._workshop.must_stop():
            raise _StoppingError
        if time.monotonic() - self._last < _HEARTBEAT_S:
            return
        self._last = time.monotonic()
        metrics.WORKER_HEARTBEAT.set_to_current_time()
        try:
            with self._workshop.database.write() as session:
                held = repository.extend(session, self._held, self._workshop.lease_s, min(int(self._percent), 99))
        except SQLAlchemyError as error:
            if not is_passing(error):
                raise
            # A database that restarts: the lease outlasts it, or the finish will tell.
            log.warning("heartbeat_missed", reason=repr(error))
            return
        if not held:
            raise _LostError
