"""What is asked before the first byte of an upload is read, in whichever way it comes."""

import uuid

from anb.db import Database
from anb.errors import NoRoomError, TooLargeError
from anb.settings import Settings
from anb.storage.base import Storage
from anb.videos import service, upload_policy


def admit(
    database: Database, storage: Storage, settings: Settings, player_id: uuid.UUID, declared_bytes: int | None
) -> None:
    """Raises an AnbError where this player may not upload so many bytes now. They may be a form's, with its fields."""
    service.require_player(database, player_id)
    if upload_policy.declared_too_large(declared_bytes, settings.max_upload_bytes):
        raise too_large(settings.max_upload_bytes)
    require_room(storage.free_bytes(), settings, declared_bytes)


def require_room(free_bytes: int | None, settings: Settings, declared_bytes: int | None) -> None:
    if not upload_policy.has_room(free_bytes, settings.disk_reserve_bytes, declared_bytes):
        raise NoRoomError("no_room")


def too_large(max_bytes: int) -> TooLargeError:
    return TooLargeError("video_too_large", max_mb=max_bytes // (1024 * 1024))
