import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from anb.db import Base, Id, Moment, new_id
from anb.videos.lifecycle import Status


class Video(Base):
    __tablename__ = "videos"

    id: Mapped[uuid.UUID] = mapped_column(Id, primary_key=True, default=new_id)
    player_id: Mapped[uuid.UUID] = mapped_column(Id, ForeignKey("players.id"))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(String(10))
    """One of `lifecycle.Status`."""
    progress: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Moment)
    processed_at: Mapped[datetime | None] = mapped_column(Moment)
    """When it was published or failed for good."""
    votes: Mapped[int] = mapped_column(default=0)

    original_key: Mapped[str] = mapped_column(String(100))
    original_bytes: Mapped[int] = mapped_column(BigInteger)
    original_sha256: Mapped[str] = mapped_column(String(64))
    processed_key: Mapped[str | None] = mapped_column(String(100))
    poster_key: Mapped[str | None] = mapped_column(String(100))
    failure_code: Mapped[str | None] = mapped_column(String(50))
    failure_params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    notices: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    """Of `processing.notices.Notice`: what is to be said of a published video."""

    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_id: Mapped[str] = mapped_column(String(64))
    """The request that uploaded it: joins its log lines with the worker's, even after the queue was lost."""

    attempt: Mapped[int] = mapped_column(default=0)
    """Counts claims. Whoever heartbeats or finishes repeats it, so that a late twin changes no row."""
    failures: Mapped[int] = mapped_column(default=0)
    """Attempts that failed or fell silent; an attempt that was handed back is none."""
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    not_before: Mapped[datetime | None] = mapped_column(Moment)
    """A retry waits until then."""
    rung_at: Mapped[datetime] = mapped_column(Moment)
    """When the queue was last told of it."""

    __table_args__ = (
        CheckConstraint("status IN ('pending', 'processing', 'completed', 'failed')", name="status"),
        CheckConstraint("votes >= 0", name="votes"),
        UniqueConstraint("player_id", "idempotency_key"),
        Index("ix_videos_player", "player_id", "created_at", "id"),
    )


class Arrival(Base):
    """One row per upload, under the id that its video gets; of a resumable one from the moment it begins. It stays
    when the video is deleted or the upload given up. Quotas are counted by it; a day later the sweep removes it.
    A form that was refused does not count: how often one may try is limited (`limits/rules.py`)."""

    __tablename__ = "arrivals"

    id: Mapped[uuid.UUID] = mapped_column(Id, primary_key=True)
    player_id: Mapped[uuid.UUID] = mapped_column(Id)
    """No foreign key: players stay, and adding one would lock their table under votes."""
    at: Mapped[datetime] = mapped_column(Moment)
    """Of one under way its beginning, afterwards its end: the day in which it counts begins then."""
    bytes: Mapped[int] = mapped_column(BigInteger)
    """Of one under way those that it will have; of one given up those that came. Discarded ones count beside them."""
    under_way: Mapped[bool]
    """A resumable upload that is not finished. A video counts by its own state."""

    __table_args__ = (
        Index("ix_arrivals_player", "player_id", "at"),
        Index("ix_arrivals_at", "at"),
        Index("ix_arrivals_under_way", "id", postgresql_where=text("under_way"), sqlite_where=text("under_way")),
    )


def in_state(status: Status) -> ColumnElement[bool]:
    """The state written into the statement: a bound parameter would keep the partial indexes below from being used."""
    return Video.status == bindparam(None, status.value, literal_execute=True)


def _partial(name: str, status: str, *columns: Any) -> Index:
    where = text(f"status = '{status}'")
    return Index(name, *columns, postgresql_where=where, sqlite_where=where)


_columns = Video.__table__.c
# The public list's two orders, each also read backwards; then what the sweep looks for.
_partial("ix_videos_public_newest", "completed", _columns.created_at, _columns.id)
_partial("ix_videos_public_votes", "completed", text("votes DESC"), _columns.processed_at, _columns.id)
_partial("ix_videos_pending", "pending", _columns.rung_at)
_partial("ix_videos_leases", "processing", _columns.lease_until)
