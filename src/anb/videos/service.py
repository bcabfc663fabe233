import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from anb import db
from anb.db import Database
from anb.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError, UnauthenticatedError
from anb.players import repository as players
from anb.storage.base import Storage
from anb.storage.trouble import StorageError
from anb.videos import arrivals, repository
from anb.videos.lifecycle import Status
from anb.videos.models import Arrival, Video
from anb.videos.upload_policy import Quota, quota_error

log = structlog.get_logger(__name__)


def require_player(database: Database, player_id: uuid.UUID) -> None:
    """A vanished account's token still reads, but writes nothing."""
    with database.read() as session:
        if not players.exists(session, player_id):
            raise UnauthenticatedError("not_authenticated")


def require_quota(database: Database, quota: Quota, player_id: uuid.UUID, more_bytes: int, key: str | None) -> None:
    """About so, before a body; `register` decides. Who repeats an upload that is here already is let through."""
    with database.read() as session:
        refusal = quota_error(quota, arrivals.used(session, player_id, db.now(session)), more_bytes)
        if refusal and not (key and repository.by_idempotency_key(session, player_id, key)):
            raise refusal


@dataclass(frozen=True)
class Received:
    """A video that is durable under `key` and has no row yet."""

    key: str
    size: int
    sha256: str
    title: str
    description: str


@dataclass(frozen=True)
class Registration:
    video_id: uuid.UUID
    player_id: uuid.UUID
    received: Received
    idempotency_key: str | None
    request_id: str


def register(database: Database, storage: Storage, quota: Quota, wish: Registration) -> Video:
    """The row after the bytes. A key used before with the same video gives that video, and the new bytes go.

    Raises TooManyError, and the new bytes go, where others of this player came first and filled the quota.
    """
    try:
        with database.write() as session:
            added, video = _add_or_find(session, quota, wish)
    except BaseException as error:
        if not _may_be_committed(error):
            _delete_bytes(storage, wish.received.key)
        raise
    if not added:
        _delete_bytes(storage, wish.received.key)
        if not _is_repetition(video, wish.received):
            raise InvalidError("idempotency_key_reused")
    return video


def pending_row(wish: Registration, moment: datetime) -> dict[str, Any]:
    return {
        "id": wish.video_id,
        "player_id": wish.player_id,
        "title": wish.received.title,
        "description": wish.received.description,
        "status": Status.PENDING,
        "progress": 0,
        "votes": 0,
        "attempt": 0,
        "failures": 0,
        "created_at": moment,
        "rung_at": moment,
        "original_key": wish.received.key,
        "original_bytes": wish.received.size,
        "original_sha256": wish.received.sha256,
        "failure_params": {},
        "notices": [],
        "idempotency_key": wish.idempotency_key,
        "request_id": wish.request_id,
    }


def _add_or_find(session: Session, quota: Quota, wish: Registration) -> tuple[bool, Video]:
    """Whether the row is new, and the row. An earlier one may be deleted before it is read: then its key is free.

    The player is locked, so that of many uploads at once each counts those before it.
    """
    if not players.lock(session, wish.player_id):
        raise UnauthenticatedError("not_authenticated")
    moment = db.now(session)
    row = pending_row(wish, moment)
    refusal = quota_error(quota, arrivals.used(session, wish.player_id, moment), wish.received.size)
    while refusal or not repository.add(session, row):
        earlier = repository.by_idempotency_key(session, wish.player_id, wish.idempotency_key)
        if earlier is not None:
            return False, earlier
        if refusal:
            raise refusal
    came = Arrival(id=wish.video_id, player_id=wish.player_id, at=moment, bytes=wish.received.size, under_way=False)
    arrivals.note(session, came)
    return True, _found(repository.get(session, wish.video_id))


def _may_be_committed(error: BaseException) -> bool:
    """A connection that breaks during the commit does not tell. Bytes without a row are the sweep's; the reverse is a
    lost video."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _is_repetition(video: Video, received: Received) -> bool:
    return (video.original_sha256, video.title, video.description) == (
        received.sha256,
        received.title,
        received.description,
    )


def own_videos(database: Database, player_id: uuid.UUID) -> Sequence[Video]:
    with database.read() as session:
        return repository.of_player(session, player_id)


def own_video(database: Database, player_id: uuid.UUID, video_id: uuid.UUID) -> Video:
    with database.read() as session:
        return _owned(repository.get(session, video_id), player_id)


def delete(database: Database, storage: Storage, player_id: uuid.UUID, video_id: uuid.UUID) -> None:
    """Rows go first, bytes after the commit; what a crash leaves between the two is the sweep's.

    A worker that is processing the video notices at its next heartbeat and throws its output away.
    """
    with database.write() as session:
        if not players.exists(session, player_id):
            raise UnauthenticatedError("not_authenticated")
        video = _owned(repository.get_locked(session, video_id), player_id)
        if video.votes:
            raise ConflictError("video_has_votes")
        repository.remove(session, video)
    delete_files(storage, video)


def delete_files(storage: Storage, video: Video) -> None:
    """Of a video whose row is gone."""
    for key in (video.original_key, video.processed_key, video.poster_key):
        if key:
            _delete_bytes(storage, key)


def _delete_bytes(storage: Storage, key: str) -> None:
    try:
        storage.delete(key)
    except StorageError as error:
        log.warning("bytes_left_for_the_sweep", key=key, reason=str(error))


def _found(video: Video | None) -> Video:
    if video is None:
        raise NotFoundError("video_not_found")
    return video


def _owned(video: Video | None, player_id: uuid.UUID) -> Video:
    video = _found(video)
    if video.player_id != player_id:
        raise ForbiddenError("not_your_video")
    return video
