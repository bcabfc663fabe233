"""What nobody asks for any more: finishes what is whole, forgets what has expired, removes strays.

Needs the staging folder that the web hosts write to. Safe to run on any host and twice at once.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import inf

import structlog
from sqlalchemy.exc import SQLAlchemyError

from anb import db
from anb.errors import AnbError, UnsupportedMediaError
from anb.players import repository as players
from anb.uploads import repository
from anb.uploads.models import Upload
from anb.uploads.service import Uploads
from anb.uploads.staging import StagedSize
from anb.videos import arrivals

log = structlog.get_logger(__name__)

_LOOKED_UP_AT_ONCE = 500


@dataclass(frozen=True)
class UploadSweeper:
    uploads: Uploads
    ring: Callable[[uuid.UUID], bool]
    orphan_age_s: float

    def sweep(self) -> None:
        """One upload that cannot be swept keeps no other waiting."""
        with self.uploads.database.write() as session:
            repository.end_strays(session)
            arrivals.forget_old(session)
        try:  # first: what is whole becomes a video, however late
            files = self.uploads.staging.files()
            while batch := list(islice(files, _LOOKED_UP_AT_ONCE)):
                self._sweep_files(batch)
        except OSError as error:  # the folder itself cannot be listed; what has expired goes all the same
            log.error("staging_not_listed", exc_info=error)
        for upload in self._expired():
            with self._alone(upload.id):
                self._expire(upload)

    def _expired(self) -> Iterator[Upload]:
        """All of them, so that those which cannot be swept never stand before the others."""
        last: Upload | None = None
        while True:
            with self.uploads.database.read() as session:
                batch = repository.expired(session, _LOOKED_UP_AT_ONCE, after=last)
            if not batch:
                return
            yield from batch
            last = batch[-1]

    @contextmanager
    def _alone(self, upload_id: uuid.UUID) -> Iterator[None]:
        try:
            yield
        except (OSError, SQLAlchemyError, AnbError) as error:
            log.error("upload_not_swept", upload_id=str(upload_id), exc_info=error)

    def _expire(self, upload: Upload) -> None:
        staged = None
        try:
            staged = self.uploads.staging.hold(upload.id)
        except BlockingIOError:
            return  # it is being written, and its writer will put off its end
        except FileNotFoundError:
            pass
        try:
            if self.uploads.expire(upload):
                log.info("upload_expired", upload_id=str(upload.id))
        finally:
            if staged:
                staged.close()

    def _sweep_files(self, batch: list[StagedSize]) -> None:
        with self.uploads.database.read() as session:
            rows = {row.id: row for row in repository.some(session, [file.upload_id for file in batch])}
            begun_at = players.begun_at(session)
            age_s = (db.now(session) - begun_at).total_seconds() if begun_at else -inf
        for file in batch:
            with self._alone(file.upload_id):
                self._sweep_file(file, rows.get(file.upload_id), age_s)

    def _sweep_file(self, file: StagedSize, row: Upload | None, database_age_s: float) -> None:
        if row is None:
            # Younger: its row may be on its way. Older than the database: it is another one's, as media are.
            if self.orphan_age_s < file.age_s <= database_age_s:
                self.uploads.staging.remove(file.upload_id)
        elif row.finished_at:
            self.uploads.staging.remove(file.upload_id)
        elif row.length == file.size:
            self._finish(row)

    def _finish(self, upload: Upload) -> None:
        """Whole, but its process died before it was a video; or it is just being finished, then let it."""
        try:
            staged = self.uploads.staging.hold(upload.id)
        except (BlockingIOError, FileNotFoundError):
            return
        try:
            is_new = self.uploads.finish(upload, staged, upload.request_id)
        except UnsupportedMediaError:
            self.uploads.drop(upload)
        else:
            if is_new:
                self.ring(upload.id)
        finally:
            staged.close()
