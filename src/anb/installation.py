"""What every server finds when it starts: the schema and the folders. Servers make neither."""

from sqlalchemy import inspect

from anb import migrations
from anb.db import Database
from anb.settings import Settings, SettingsError
from anb.storage import has_folders, make_folders
from anb.uploads.staging import Staging
from anb.videos import repository as videos
from anb.videos.models import Video


def install(settings: Settings, database: Database) -> None:
    """Safe to repeat; two at once wait for each other. Raises SettingsError where the media are not there."""
    install_media(settings, database)
    migrations.upgrade(database)


def install_media(settings: Settings, database: Database) -> None:
    """Folders that are missing are made for a contest that begins. Later their absence means that a share is not
    mounted, or that the settings name another place: in new and empty ones all media would look lost.
    """
    place = settings.media
    if not has_folders(place):
        if not settings.media_fallback and _has_videos(database):
            raise SettingsError(
                f"MEDIA_ROOT: {place} has not the folders `uploads` and `processed`, yet there are videos in the"
                " database. Is the share mounted, and the path right? Only where the media are really gone, and you"
                f" want to go on without them: mkdir -p {place}/uploads {place}/processed"
            )
        make_folders(place)
    if settings.stages_beside_media:
        Staging(settings.staging).make()


def _has_videos(database: Database) -> bool:
    with database.read() as session:
        return inspect(session.connection()).has_table(Video.__tablename__) and videos.are_there_any(session)
