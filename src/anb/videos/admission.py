"""What is asked before the first byte of an upload is read, in whichever way it comes."""

import uuid

from anb.db import Database
from anb.errors import NoRoomError, TooLargeError
from anb.settings import Settings
from anb.storage.base import Storage
from anb.videos import service, upload_policy
from anb.videos.upload_policy import Quota


def admit(  # noqa: PLR0913, PLR0917 - one question, asked by two doors
    database: Database,
    storage: Storage,
    settings: Settings,
    player_id: uuid.UUID,
    declared_bytes: int | None,
    idempotency_key: str | None = None,
) -> None:
    """Raises an AnbError where this player may not upload so many bytes now. They may be a form's, with its fields."""
    service.require_player(database, player_id)
    if upload_policy.declared_too_large(declared_bytes, settings.max_upload_bytes):
        raise too_large(settings.max_upload_bytes)
    at_least = max(0, (declared_bytes or 0) - upload_policy.FORM_OVERHEAD)
    service.require_quota(database, quota(settings), player_id, at_least, idempotency_key)
    require_room(storage.free_bytes(), settings, declared_bytes)


def quota(settings: Settings) -> Quota:
    """One video of the largest size may always be uploaded."""
    return Quota(settings.max_unfinished_videos, max(settings.max_bytes_a_day, settings.max_upload_bytes))


def require_room(free_bytes: int | None, settings: Settings, declared_bytes: int | None) -> None:
    if not upload_policy.has_room(free_bytes, settings.disk_reserve_bytes, declared_bytes):
        raise NoRoomError("no_room")


def too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError("video_too_large", max_mb=upload_policy.megabytes(max_bytes))
