"""Where bytes live."""

from pathlib import Path

from anb.settings import Settings
from anb.storage.base import Storage
from anb.storage.fallback import FallbackStorage
from anb.storage.local import LocalStorage


def open_storage(settings: Settings) -> Storage:
    """The one that the settings name; with `ANB_MEDIA_FALLBACK` also what lies there still."""
    storage = open_at(settings.media, settings)
    if settings.media_fallback:
        return FallbackStorage(storage, open_at(settings.media_fallback, settings))
    return storage


def open_at(place: str, settings: Settings) -> Storage:
    """`place` is a folder or `s3://bucket/prefix`."""
    if place.startswith("s3://"):
        from anb.storage.s3 import S3Storage  # noqa: PLC0415 - boto3 costs a folder's user 0.2 s and 20 MB

        return S3Storage(place, endpoint=settings.s3_endpoint_url, encryption=settings.s3_encryption)
    return LocalStorage(Path(place))


def make_folders(place: str) -> None:
    """A new place that is a folder."""
    if not place.startswith("s3://"):
        LocalStorage(Path(place)).make()


def has_folders(place: str) -> bool:
    return place.startswith("s3://") or LocalStorage(Path(place)).is_made()
