"""The organiser's: a video goes with its votes. Its player's own DELETE refuses one that has any."""

import uuid
from collections import Counter

from sqlalchemy.orm import Session

from anb.db import Database
from anb.storage.base import Storage
from anb.videos import repository as videos
from anb.videos.models import Video
from anb.videos.service import delete_files
from anb.voting import repository


def take_down(database: Database, storage: Storage, video_id: uuid.UUID) -> int | None:
    """Rows and totals in one transaction, then the bytes. A ballot locks the same row first: it is counted and goes
    with the others, or finds no video. Returns how many votes went; None: there is no such video."""
    with database.write() as session:
        video = videos.get_locked(session, video_id)
        if video is None:
            return None
        votes = remove_rows(session, video)
    delete_files(storage, video)
    return votes


def remove_rows(session: Session, video: Video) -> int:
    """Returns how many votes went with it."""
    votes = repository.remove_votes(session, video.id)
    repository.add_to_totals(session, Counter(), Counter({video.player_id: -votes}))
    videos.remove(session, video)
    return votes
