"""Samples in and out of the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from anb import db
from anb.history.models import Sample
from anb.videos.lifecycle import Status
from anb.videos.models import Video, in_state


def keep(session: Session, sample: dict[str, object], *, forget_before: datetime) -> None:
    """The first process of a host that comes for an interval is heard; the rest would say the same."""
    session.execute(db.insert(session, Sample).values(sample).on_conflict_do_nothing())
    session.execute(delete(Sample).where(Sample.at < forget_before))


def since(session: Session, moment: datetime) -> Sequence[Sample]:
    """Oldest first."""
    return session.scalars(select(Sample).where(Sample.at >= moment).order_by(Sample.at)).all()


def videos_made_since(session: Session, moment: datetime) -> Sequence[datetime]:
    """When each was published. Those that were deleted since are not among them.

    Without an index of its own: it is asked by hand, and takes 0.1 s among 120 000 videos on either database. That is a
    year in which each month asks for phase 3.
    """
    made = select(Video.processed_at).where(in_state(Status.COMPLETED), Video.processed_at >= moment)
    return [at for at in session.scalars(made) if at is not None]
