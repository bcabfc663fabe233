"""An upload's life: begun, looked at, finished as a video, terminated."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from anb import db, metrics
from anb.db import Database
from anb.errors import AnbError, GoneError, InvalidError, NotFoundError, UnauthenticatedError
from anb.players import repository as players
from anb.settings import Settings
from anb.storage import has_folders
from anb.storage.base import ORIGINALS, Storage
from anb.uploads import repository
from anb.uploads.headers import Description
from anb.uploads.models import Upload
from anb.uploads.staging import StagedFile, Staging, require_video
from anb.videos import arrivals
from anb.videos import repository as videos
from anb.videos import service as video_service
from anb.videos.admission import quota
from anb.videos.models import Arrival
from anb.videos.upload_policy import Quota, discard_error, quota_error

log = structlog.get_logger(__name__)

_FIRST_PIECE_WITHIN_S = 3600.0
"""A client that never heard where its upload is begins another; the one without a byte must not count for a day."""


@dataclass(frozen=True)
class Wish:
    player_id: uuid.UUID
    length: int
    described: Description
    sent_metadata: str
    idempotency_key: str | None
    request_id: str


@dataclass(frozen=True)
class Uploads:
    """What the routes and the sweep do with uploads. Blocking: call it in a thread."""

    database: Database
    storage: Storage
    staging: Staging
    kept_s: float
    quota: Quota

    def earlier(self, wish: Wish) -> tuple[uuid.UUID | None, bool]:
        """What the wish's key began, and whether it is there: then it takes no more of the quota, nor of the disk."""
        with self.database.read() as session:
            upload = _begun_before(session, wish)
            return (upload.id, self._is_there(session, upload)) if upload else (None, False)

    def begin(self, wish: Wish, lost: uuid.UUID | None) -> tuple[bool, Upload]:
        """Whether it is new, and the upload. One that was begun with the same key, perhaps unheard, is gone on with,
        unless it is the `lost` one, which is not there any more.

        The file before the row: a row without a file would be an upload that cannot be gone on with.
        """
        upload_id = db.new_id()
        self.staging.create(upload_id)  # outside the transaction: nobody's vote waits for this disk
        try:
            upload = self._register(upload_id, wish, lost)
        except AnbError:  # what a broken connection leaves is the sweep's: the row may be there
            self.staging.remove(upload_id)
            raise
        if upload.id != upload_id:
            self.staging.remove(upload_id)
        return upload.id == upload_id, upload

    def _register(self, upload_id: uuid.UUID, wish: Wish, lost: uuid.UUID | None) -> Upload:
        with self.database.write() as session:
            if not players.lock(session, wish.player_id):  # locked, so that each beginning sees those before it
                raise UnauthenticatedError("not_authenticated")
            earlier = _begun_before(session, wish)
            if earlier and earlier.id != lost:
                if (earlier.length, earlier.sent_metadata) != (wish.length, wish.sent_metadata):
                    raise InvalidError("idempotency_key_reused")
                return earlier
            moment = db.now(session)
            # Here for good: nobody should hear of it after the last byte.
            if refusal := quota_error(self.quota, arrivals.used(session, wish.player_id, moment), wish.length):
                raise refusal
            upload = Upload(
                id=upload_id,
                player_id=wish.player_id,
                length=wish.length,
                title=wish.described.title,
                description=wish.described.description,
                sent_metadata=wish.sent_metadata,
                created_at=moment,
                expires_at=moment + timedelta(seconds=min(self.kept_s, _FIRST_PIECE_WITHIN_S)),
                request_id=wish.request_id,
                idempotency_key=wish.idempotency_key,
            )
            repository.add(session, upload)
            arrivals.note(
                session,
                Arrival(id=upload_id, player_id=wish.player_id, at=moment, bytes=wish.length, under_way=True),
            )
        return upload

    def _is_there(self, session: Session, upload: Upload) -> bool:
        """Its bytes, or the video that it became and its owner has not deleted."""
        if upload.finished_at is None and self.staging.has(upload.id):
            return True
        now = repository.read_again(session, upload.id)  # they may be gone because it has just become a video
        return now is not None and now.finished_at is not None and videos.get(session, now.id) is not None

    def find(self, player_id: uuid.UUID, upload_id: uuid.UUID | None) -> Upload:
        """A stranger's upload is none: ids tell nobody anything."""
        with self.database.read() as session:
            upload = repository.get(session, upload_id) if upload_id else None
            if upload is None or upload.player_id != player_id:
                raise NotFoundError("upload_not_found")
            if repository.is_expired(session, upload):
                raise GoneError("upload_expired")
            if upload.finished_at and videos.get(session, upload.id) is None:  # its owner deleted what it became
                raise NotFoundError("upload_not_found")
        return upload

    def unfinished(self, player_id: uuid.UUID) -> list[tuple[Upload, int]]:
        """Each with how much of it is here; newest first."""
        with self.database.read() as session:
            uploads = repository.unfinished(session, player_id)
        # Also those whose bytes are gone: they count until they are given up.
        return [(upload, self.staging.size_if_there(upload.id)) for upload in uploads]

    def postpone(self, upload: Upload) -> tuple[Upload, int]:
        """It is being gone on with, so it lives longer. Returns what `offset` does."""
        with self.database.write() as session:
            postponed = repository.postpone(session, upload, self.kept_s)
        return self.offset(postponed or upload)

    def offset(self, upload: Upload) -> tuple[Upload, int]:
        """The row as it is now, and how much is here. NotFoundError where that is gone: the client must begin anew."""
        try:
            return upload, upload.length if upload.finished_at else self.staging.size(upload.id)
        except FileNotFoundError:
            upload = self.find(upload.player_id, upload.id)
            if upload.finished_at is None:
                raise NotFoundError("upload_not_found") from None
            return upload, upload.length

    def require_patience(self, upload: Upload) -> None:
        """Before a piece that is thrown away unless it is whole: for those there is the same quota."""
        with self.database.read() as session:
            used = arrivals.used(session, upload.player_id, db.now(session))
        if refusal := discard_error(self.quota, used):
            raise refusal

    def count_discarded(self, upload: Upload, size: int) -> None:
        with self.database.write() as session:
            arrivals.discard(session, upload.id, size)

    def finish(self, upload: Upload, staged: StagedFile, request_id: str) -> bool:
        """Bytes, then row; in the hands of the upload's only writer. Whether a video was made, for which to ring.

        May be repeated after a death at any point: until the row is committed the bytes stay in staging too, and the
        same bytes get the same key again. That the row is made once is the claim's: it and the row are one transaction.
        """
        with self.database.read() as session:
            upload_now = repository.get(session, upload.id)
        if upload_now is None or upload_now.finished_at:  # since the caller looked, before it had the file
            self.staging.remove(upload.id)
            return False
        staged.sync()
        received = self._store(upload, staged)
        wish = video_service.Registration(upload.id, upload.player_id, received, None, request_id)
        with self.database.write() as session:
            claimed = repository.claim(session, upload.id, self.kept_s)
            if claimed:
                arrivals.end(session, upload.id, upload.player_id, upload.length, received.size)
                videos.add(session, video_service.pending_row(wish, db.now(session)))
            wanted = claimed or videos.get(session, upload.id) is not None
        if not wanted:  # terminated meanwhile, or its video was deleted
            self.storage.delete(received.key)
        self.staging.remove(upload.id)
        if claimed:
            metrics.UPLOADED_BYTES.inc(received.size)
            log.info("video_accepted", video_id=str(upload.id), bytes=received.size, resumable=True)
        return claimed

    def _store(self, upload: Upload, staged: StagedFile) -> video_service.Received:
        key = f"{ORIGINALS}/{upload.id}.{require_video(staged).extension}"
        digest = staged.sha256()
        self.storage.put_file(staged.path, key)
        return video_service.Received(key, staged.size, digest, upload.title, upload.description)

    def free_bytes(self) -> int:
        """Of where uploads grow, and of where they are stored if that has an end."""
        stored = self.storage.free_bytes()
        staged = self.staging.free_bytes()
        return staged if stored is None else min(stored, staged)

    def drop(self, upload: Upload) -> bool:
        """Termination: row first, then bytes. False where it has become a video, which stays, or is gone already."""
        size = self.staging.size_if_there(upload.id)
        with self.database.write() as session:
            if not repository.remove_unfinished(session, upload.id):
                return False
            arrivals.end(session, upload.id, upload.player_id, upload.length, size)
        self.staging.remove(upload.id)
        return True

    def expire(self, upload: Upload) -> bool:
        """In the hands of its only writer, for one that is being written has not expired."""
        size = self.staging.size_if_there(upload.id)
        with self.database.write() as session:
            if not repository.remove_expired(session, upload.id):
                return False
            if upload.finished_at is None:
                arrivals.end(session, upload.id, upload.player_id, upload.length, size)
        self.staging.remove(upload.id)
        return True


def _begun_before(session: Session, wish: Wish) -> Upload | None:
    if wish.idempotency_key is None:
        return None
    return repository.begun_with(session, wish.player_id, wish.idempotency_key)


def open_uploads(settings: Settings, database: Database, storage: Storage) -> Uploads:
    staging = Staging(settings.staging)
    if not settings.stages_beside_media or has_folders(settings.media):
        staging.make()  # beside media that are there: in a place that they were moved or copied to
    return Uploads(database, storage, staging, settings.upload_kept_s, quota(settings))
