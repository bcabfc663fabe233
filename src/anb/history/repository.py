"""Samples in and out of the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from anb import db
from anb.history.models import Sample


def keep(session: Session, sample: dict[str, object], *, forget_before: datetime) -> None:
    """The first process of a host that comes for an interval is heard; the rest would say the same."""
    session.execute(db.insert(session, Sample).values(sample).on_conflict_do_nothing())
    session.execute(delete(Sample).where(Sample.at < forget_before))


def since(session: Session, moment: datetime) -> Sequence[Sample]:
    """Oldest first."""
    return session.scalars(select(Sample).where(Sample.at >= moment).order_by(Sample.at)).all()
