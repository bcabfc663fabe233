"""The register of what players send, by which both doors count their quotas."""

import math
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from anb import db
from anb.videos.lifecycle import Status
from anb.videos.models import Arrival, Video
from anb.videos.upload_policy import Used

_DAY = timedelta(hours=24)
_UNFINISHED = (Status.PENDING, Status.PROCESSING)


def note(session: Session, arrival: Arrival) -> None:
    """Its player is locked, so that each counts those before it."""
    session.add(arrival)
    session.flush()


def end(session: Session, upload_id: uuid.UUID, player_id: uuid.UUID, length: int, size: int) -> None:
    """A resumable upload is finished, or given up with `size` of its `length`; its day begins now, and what was
    discarded stays counted. Idempotent. An upload that the previous release began may have no row yet: it gets one."""
    moment = db.now(session)
    values = {"id": upload_id, "player_id": player_id, "at": moment, "bytes": size, "under_way": False}
    session.execute(db.insert(session, Arrival).values(values).on_conflict_do_nothing())
    ended = update(Arrival).where(Arrival.id == upload_id, Arrival.under_way)
    ended = ended.values(under_way=False, at=moment, bytes=Arrival.bytes - (length - size))
    session.execute(ended, execution_options={"synchronize_session": False})


def discard(session: Session, upload_id: uuid.UUID, size: int) -> None:
    """So many bytes came for it and were thrown away: they count beside those that it has or will have."""
    more = update(Arrival).where(Arrival.id == upload_id).values(bytes=Arrival.bytes + size)
    session.execute(more, execution_options={"synchronize_session": False})


def forget_old(session: Session) -> None:
    past = (Arrival.at <= db.now(session) - _DAY, Arrival.under_way.is_(False))
    session.execute(delete(Arrival).where(*past), execution_options={"synchronize_session": False})


def under_way(session: Session, upload_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    return set(session.scalars(select(Arrival.id).where(Arrival.under_way, Arrival.id.in_(upload_ids))))


def used(session: Session, player_id: uuid.UUID, moment: datetime) -> Used:
    """By indexes that begin with the player: there are few of each."""
    yesterday = moment - _DAY
    query = select(Arrival.at, Arrival.bytes, Arrival.under_way)
    rows = session.execute(
        query.where(Arrival.player_id == player_id, or_(Arrival.at > yesterday, Arrival.under_way))
    ).all()
    videos = select(func.count()).where(Video.player_id == player_id, Video.status.in_(_UNFINISHED))
    oldest = min((row.at for row in rows if not row.under_way), default=moment)
    return Used(
        unfinished=session.scalar(videos) + sum(row.under_way for row in rows),
        bytes_a_day=sum(row.bytes for row in rows),
        oldest_leaves_in_s=max(1, math.ceil((oldest - yesterday).total_seconds())),
    )
