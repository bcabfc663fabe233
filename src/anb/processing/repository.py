"""Claim, heartbeat, finish: every statement repeats the attempt, so that a late twin changes no row."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.orm import Session

from anb import db
from anb.players.models import Player
from anb.processing.failures import FailureCode, Param
from anb.processing.notices import Notice
from anb.processing.strays import Possession
from anb.videos import repository as videos
from anb.videos.lifecycle import Status
from anb.videos.models import Video, in_state

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""As `rung_at`: the next sweep rings."""


@dataclass(frozen=True)
class Claim:
    video_id: uuid.UUID
    attempt: int
    failures: int
    original_key: str
    request_id: str

    def still_held(self) -> tuple[ColumnElement[bool], ...]:
        return (Video.id == self.video_id, Video.attempt == self.attempt)


def claim(session: Session, video_id: uuid.UUID, lease_s: float) -> Claim | None:
    """None: somebody else has it, it is finished, it waits for its retry, or it was deleted."""
    moment = db.now(session)
    due = or_(Video.not_before.is_(None), Video.not_before <= moment)
    lease = moment + timedelta(seconds=lease_s)
    taken = videos.move(
        session, Status.PENDING, Status.PROCESSING, Video.id == video_id, due,
        attempt=Video.attempt + 1, lease_until=lease, progress=0,
    )  # fmt: skip
    if not taken:
        return None
    video = session.get_one(Video, video_id)
    return Claim(video.id, video.attempt, video.failures, video.original_key, video.request_id)


def extend(session: Session, held: Claim, lease_s: float, progress: int) -> bool:
    """False: the lease was lost or the video deleted; whoever asks must stop."""
    lease = db.now(session) + timedelta(seconds=lease_s)
    statement = update(Video).where(in_state(Status.PROCESSING), *held.still_held())
    changed = session.execute(statement.values(lease_until=lease, progress=progress).returning(Video.id))
    return changed.first() is not None


def publish(session: Session, held: Claim, processed_key: str, poster_key: str, notices: Sequence[Notice]) -> bool:
    moment = db.now(session)
    done = videos.move(
        session, Status.PROCESSING, Status.COMPLETED, *held.still_held(),
        processed_at=moment, progress=100, processed_key=processed_key, poster_key=poster_key, lease_until=None,
        notices=list(notices),
    )  # fmt: skip
    if not done:  # or it was, and the answer was lost: the keys are this attempt's alone
        return (
            session.scalar(select(Video.id).where(Video.id == held.video_id, Video.processed_key == processed_key))
            is not None
        )
    for row in done:
        # Of two videos the later one may commit first: its moment gives way to this one.
        first = case((Player.first_published_at <= moment, Player.first_published_at), else_=moment)
        session.execute(update(Player).where(Player.id == row["player_id"]).values(first_published_at=first))
    return True


def fail(session: Session, held: Claim, code: FailureCode, params: dict[str, Param]) -> bool:
    failed = videos.move(
        session, Status.PROCESSING, Status.FAILED, *held.still_held(), processed_at=db.now(session),
        failure_code=code.value, failure_params=params, failures=Video.failures + 1, lease_until=None,
    )  # fmt: skip
    return bool(failed)


def retry_later(session: Session, held: Claim, delay_s: float) -> bool:
    waiting = videos.move(
        session, Status.PROCESSING, Status.PENDING, *held.still_held(), failures=Video.failures + 1, progress=0,
        not_before=db.now(session) + timedelta(seconds=delay_s), rung_at=LONG_AGO, lease_until=None,
    )  # fmt: skip
    return bool(waiting)


def hand_back(session: Session, held: Claim, delay_s: float = 0.0) -> bool:
    """A worker that stops, or cannot reach the storage, gives the video to the next one; that is no failure of the
    video."""
    back = videos.move(
        session, Status.PROCESSING, Status.PENDING, *held.still_held(), progress=0, rung_at=LONG_AGO, lease_until=None,
        not_before=db.now(session) + timedelta(seconds=delay_s) if delay_s else None,
    )  # fmt: skip
    return bool(back)


def hand_back_all(session: Session) -> int:
    """Of a system without any worker: what was being processed waits again, and that is no failure. Returns a count."""
    back = videos.move(
        session, Status.PROCESSING, Status.PENDING, progress=0, rung_at=LONG_AGO, lease_until=None
    )  # fmt: skip
    return len(back)


def try_again(session: Session, video_id: uuid.UUID) -> bool:
    """An operator's wish, after the cause of the failure is gone: all attempts anew. False: it has not failed."""
    again = videos.move(
        session, Status.FAILED, Status.PENDING, Video.id == video_id, failures=0, progress=0, rung_at=LONG_AGO,
        not_before=db.now(session), failure_code=None, failure_params={}, processed_at=None,
    )  # fmt: skip
    return bool(again)


def free_expired(session: Session, max_attempts: int) -> tuple[int, int]:
    """Videos whose worker fell silent: pending again, or failed when it was the last attempt. Returns both counts."""
    moment = db.now(session)
    expired = Video.lease_until < moment
    failed = videos.move(
        session, Status.PROCESSING, Status.FAILED, expired, Video.failures + 1 >= max_attempts,
        failures=Video.failures + 1, failure_code=FailureCode.CRASHED.value, processed_at=moment, lease_until=None,
    )  # fmt: skip
    freed = videos.move(
        session, Status.PROCESSING, Status.PENDING, expired,
        failures=Video.failures + 1, progress=0, rung_at=LONG_AGO, lease_until=None,
    )  # fmt: skip
    return len(freed), len(failed)


def take_unheard(session: Session, ring_again_after_s: float, limit: int) -> Sequence[uuid.UUID]:
    """Pending videos whose bell was last rung long ago, oldest first; marked as rung. Two sweeps share them out."""
    moment = db.now(session)
    unheard = (
        select(Video.id)
        .where(
            in_state(Status.PENDING),
            Video.rung_at <= moment - timedelta(seconds=ring_again_after_s),
            or_(Video.not_before.is_(None), Video.not_before <= moment),
        )
        .order_by(Video.rung_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(unheard).all()
    session.execute(update(Video).where(Video.id.in_(ids)).values(rung_at=moment))
    return ids


def possessions(session: Session, video_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Possession]:
    columns = (Video.id, Video.status, Video.attempt, Video.original_key, Video.processed_key, Video.poster_key)
    rows = session.execute(select(*columns).where(Video.id.in_(video_ids)))
    return {
        row.id: Possession(
            frozenset(key for key in (row.original_key, row.processed_key, row.poster_key) if key),
            row.attempt if row.status == Status.PROCESSING else None,
        )
        for row in rows
    }


@dataclass(frozen=True)
class Backlog:
    pending: int
    processing: int
    oldest_s: float
    """How long the oldest pending video could have been processed already; 0 without one."""


_MOST_COUNTED = 10_000


def backlog(session: Session) -> Backlog:
    """Two reads of small indexes. Of more than ten thousand it says ten thousand."""
    due_since = func.coalesce(Video.not_before, Video.created_at).label("due_since")
    waiting = select(due_since).where(in_state(Status.PENDING)).order_by(Video.rung_at).limit(_MOST_COUNTED).subquery()
    pending, oldest = session.execute(select(func.count(), func.min(waiting.c.due_since))).one()
    at_work = select(Video.id).where(in_state(Status.PROCESSING)).limit(_MOST_COUNTED).subquery()
    processing: int = session.execute(select(func.count()).select_from(at_work)).scalar_one()
    oldest_s = (db.now(session) - oldest).total_seconds() if oldest else 0.0
    return Backlog(pending, processing, max(0.0, oldest_s))
