import uuid
from datetime import datetime

from sqlalchemy import ColumnElement, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from anb.db import Base, Id, Moment, new_id


class Player(Base):
    __tablename__ = "players"

    id: Mapped[uuid.UUID] = mapped_column(Id, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    city: Mapped[str] = mapped_column(String(100))
    country: Mapped[str] = mapped_column(String(100))
    city_key: Mapped[str] = mapped_column(String(300))
    """`city` without case and accents: what the ranking filters by. `country_key` likewise."""
    country_key: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(Moment)

    votes: Mapped[int] = mapped_column(default=0)
    """All votes of the player's published videos: moves in each vote's own transaction."""
    first_published_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the earliest of the videos that are published now was published; None without one. Breaks ties."""


def shown_name(first_name: str, last_name: str) -> str:
    return f"{first_name} {last_name}"


_columns = Player.__table__.c
_RANKED = text("first_published_at IS NOT NULL")


def _ranking_index(name: str, *filters: ColumnElement[str]) -> Index:
    """Serves one filter of the ranking in its own order: votes descending, who published first, id."""
    order = (text("votes DESC"), _columns.first_published_at, _columns.id)
    return Index(name, *filters, *order, postgresql_where=_RANKED, sqlite_where=_RANKED)


_ranking_index("ix_players_ranking")
_ranking_index("ix_players_ranking_city", _columns.city_key)
_ranking_index("ix_players_ranking_country", _columns.country_key)
