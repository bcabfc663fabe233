"""Rows of uploads. Each change repeats what it expects; the moments are the database's."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from anb import db
from anb.uploads.models import Upload
from anb.videos.models import Arrival


def add(session: Session, upload: Upload) -> None:
    session.add(upload)
    session.flush()


def get(session: Session, upload_id: uuid.UUID) -> Upload | None:
    return session.get(Upload, upload_id)


def read_again(session: Session, upload_id: uuid.UUID) -> Upload | None:
    """As it is by now, whatever this session has seen of it."""
    return session.get(Upload, upload_id, populate_existing=True)


def unfinished(session: Session, player_id: uuid.UUID) -> Sequence[Upload]:
    """A player's, that can be gone on with; newest first. There are no more than the quota allows."""
    theirs = (Upload.player_id == player_id, Upload.finished_at.is_(None), Upload.expires_at > db.now(session))
    return session.scalars(select(Upload).where(*theirs).order_by(Upload.created_at.desc(), Upload.id.desc())).all()


def begun_with(session: Session, player_id: uuid.UUID, key: str) -> Upload | None:
    theirs = (Upload.player_id == player_id, Upload.idempotency_key == key, Upload.expires_at > db.now(session))
    return session.scalars(select(Upload).where(*theirs).order_by(Upload.id.desc()).limit(1)).one_or_none()


def is_expired(session: Session, upload: Upload) -> bool:
    return upload.expires_at <= db.now(session)


def postpone(session: Session, upload: Upload, kept_s: float) -> Upload | None:
    """Not before `kept_s` from now will it expire. None: it is finished, or gone."""
    later = db.now(session) + timedelta(seconds=kept_s)
    statement = update(Upload).where(Upload.id == upload.id, Upload.finished_at.is_(None)).values(expires_at=later)
    return session.scalars(statement.returning(Upload), execution_options={"populate_existing": True}).one_or_none()


def claim(session: Session, upload_id: uuid.UUID, kept_s: float) -> bool:
    """Whether it is the caller who registers its video; everybody else comes too late, or it was terminated."""
    moment = db.now(session)
    statement = update(Upload).where(Upload.id == upload_id, Upload.finished_at.is_(None))
    statement = statement.values(finished_at=moment, expires_at=moment + timedelta(seconds=kept_s))
    return session.execute(statement.returning(Upload.id)).first() is not None


def remove_unfinished(session: Session, upload_id: uuid.UUID) -> bool:
    """False: it is a video by now, or gone. The other side of `claim`: only one of the two finds the row."""
    statement = delete(Upload).where(Upload.id == upload_id, Upload.finished_at.is_(None))
    return session.execute(statement.returning(Upload.id)).first() is not None


def expired(session: Session, limit: int, after: Upload | None) -> Sequence[Upload]:
    """The longest expired first; `after` is the last one of those before."""
    statement = select(Upload).where(Upload.expires_at <= db.now(session))
    if after is not None:
        same_moment = and_(Upload.expires_at == after.expires_at, Upload.id > after.id)
        statement = statement.where(or_(Upload.expires_at > after.expires_at, same_moment))
    return session.scalars(statement.order_by(Upload.expires_at, Upload.id).limit(limit)).all()


def remove_expired(session: Session, upload_id: uuid.UUID) -> bool:
    """False: it was gone on with meanwhile."""
    statement = delete(Upload).where(Upload.id == upload_id, Upload.expires_at <= db.now(session))
    return session.execute(statement.returning(Upload.id)).first() is not None


def end_strays(session: Session) -> None:
    """What counts as under way and has no upload: a process of the version before knew nothing of arrivals."""
    under_way = select(Upload.id).where(Upload.finished_at.is_(None))
    strays = update(Arrival).where(Arrival.under_way, Arrival.id.not_in(under_way)).values(under_way=False)
    session.execute(strays, execution_options={"synchronize_session": False})


def some(session: Session, upload_ids: Sequence[uuid.UUID]) -> Sequence[Upload]:
    return session.scalars(select(Upload).where(Upload.id.in_(upload_ids))).all()
