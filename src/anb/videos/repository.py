"""Rows of videos. `move` is the only function that changes a status."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, RowMapping, Select, delete, func, select, update
from sqlalchemy.orm import Session

from anb import db
from anb.players.models import Player
from anb.players.repository import PlaceFilter
from anb.videos.lifecycle import Status, check_move
from anb.videos.models import Video, in_state

OrderBy = Literal["created_at", "votes"]
Order = Literal["asc", "desc"]
Ordering = tuple[OrderBy, Order]


def add(session: Session, video: dict[str, Any]) -> bool:
    """False when this player used the same idempotency key before."""
    statement = db.insert(session, Video).values(video)
    statement = statement.on_conflict_do_nothing(index_elements=["player_id", "idempotency_key"])
    return session.execute(statement.returning(Video.id)).first() is not None


def by_idempotency_key(session: Session, player_id: uuid.UUID, key: str | None) -> Video | None:
    if key is None:  # has no key in common with others that have none
        return None
    query = select(Video).where(Video.player_id == player_id, Video.idempotency_key == key)
    return session.scalars(query).one_or_none()


def are_there_any(session: Session) -> bool:
    return session.execute(select(Video.id).limit(1)).first() is not None


def get(session: Session, video_id: uuid.UUID) -> Video | None:
    return session.get(Video, video_id)


def get_locked(session: Session, video_id: uuid.UUID) -> Video | None:
    return session.get(Video, video_id, with_for_update=True)


@dataclass(frozen=True)
class NamedObject:
    """A stored object that belongs to a video. An original's digest is known since its upload."""

    video_id: uuid.UUID
    key: str
    sha256: str | None


def named_objects(session: Session, after: uuid.UUID, limit: int) -> dict[uuid.UUID, list[NamedObject]]:
    """Of the next videos by id, all objects that their rows name."""
    columns = (Video.id, Video.original_key, Video.original_sha256, Video.processed_key, Video.poster_key)
    rows = session.execute(select(*columns).where(Video.id > after).order_by(Video.id).limit(limit))
    return {
        row.id: [
            NamedObject(row.id, row.original_key, row.original_sha256),
            *(NamedObject(row.id, key, None) for key in (row.processed_key, row.poster_key) if key),
        ]
        for row in rows
    }


def of_player(session: Session, player_id: uuid.UUID) -> Sequence[Video]:
    newest_first = (Video.created_at.desc(), Video.id.desc())
    return session.scalars(select(Video).where(Video.player_id == player_id).order_by(*newest_first)).all()


def move(
    session: Session, old: Status, new: Status, *where: ColumnElement[bool], **values: Any
) -> Sequence[RowMapping]:
    """Claim, don't check: only rows still in `old` move. Returns the id, player_id and attempt of those that did."""
    check_move(old, new)
    statement = update(Video).where(in_state(old), *where).values(status=new, **values)
    statement = statement.execution_options(synchronize_session=False)
    return session.execute(statement.returning(Video.id, Video.player_id, Video.attempt)).mappings().all()


def remove(session: Session, video: Video) -> None:
    """The player is locked before the remaining videos are looked at: one that is published meanwhile is not missed."""
    session.execute(delete(Video).where(Video.id == video.id))
    if video.status == Status.COMPLETED:
        session.execute(select(Player.id).where(Player.id == video.player_id).with_for_update(key_share=True))
        earliest = select(func.min(Video.processed_at)).where(
            Video.player_id == video.player_id, in_state(Status.COMPLETED)
        )
        session.execute(
            update(Player).where(Player.id == video.player_id).values(first_published_at=earliest.scalar_subquery())
        )


def public_page(
    session: Session, chosen: PlaceFilter, ordering: Ordering, *, limit: int, offset: int
) -> Sequence[RowMapping]:
    """The ids of one page from the index first, then only their rows."""
    ids = _published(chosen, select(Video.id)).order_by(*_ORDERS[ordering]).limit(limit).offset(offset)
    page = ids.subquery()
    return session.execute(_PUBLIC.join(page, page.c.id == Video.id).order_by(*_ORDERS[ordering])).mappings().all()


def public_one(session: Session, video_id: uuid.UUID) -> RowMapping | None:
    chosen = _PUBLIC.where(Video.id == video_id, in_state(Status.COMPLETED))
    return session.execute(chosen).mappings().one_or_none()


def public_count(session: Session, chosen: PlaceFilter) -> int:
    count: int = session.execute(_published(chosen, select(func.count()).select_from(Video))).scalar_one()
    return count


def published_since(session: Session, moment: datetime) -> Sequence[datetime]:
    """When each was published. Those that were deleted since are not among them.

    Without an index of its own: it is asked by hand, and takes 0.1 s among 120 000 videos on either database. That is a
    year in which each month asks for phase 3.
    """
    published = select(Video.processed_at).where(in_state(Status.COMPLETED), Video.processed_at >= moment)
    return [at for at in session.scalars(published) if at is not None]


def _published(chosen: PlaceFilter, statement: Select[Any]) -> Select[Any]:
    conditions = chosen.conditions()
    if conditions:
        statement = statement.join(Player, Player.id == Video.player_id).where(*conditions)
    return statement.where(in_state(Status.COMPLETED))


_PUBLIC = select(
    Video.id, Video.title, Video.votes, Video.created_at, Video.processed_key, Video.poster_key,
    Player.first_name, Player.last_name, Player.city, Player.country,
).join(Player, Player.id == Video.player_id)  # fmt: skip

# Each pair is one index, read forwards or backwards.
_ORDERS: dict[Ordering, tuple[ColumnElement[Any], ...]] = {
    ("created_at", "desc"): (Video.created_at.desc(), Video.id.desc()),
    ("created_at", "asc"): (Video.created_at.asc(), Video.id.asc()),
    ("votes", "desc"): (Video.votes.desc(), Video.processed_at.asc(), Video.id.asc()),
    ("votes", "asc"): (Video.votes.asc(), Video.processed_at.desc(), Video.id.desc()),
}
