import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from anb import db
from anb.players.models import Player
from anb.text import place_key


@dataclass(frozen=True)
class PlaceFilter:
    """Of players, by their places' `place_key`; empty means everywhere."""

    city: str = ""
    country: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        wanted = ((Player.city_key, self.city), (Player.country_key, self.country))
        return [column == place_key(place) for column, place in wanted if place.strip()]


def add(session: Session, player: dict[str, object]) -> bool:
    """False when the e-mail is taken, also by somebody who signs up at this very moment."""
    statement = db.insert(session, Player).values(player).on_conflict_do_nothing(index_elements=["email"])
    return session.execute(statement.returning(Player.id)).first() is not None


def by_email(session: Session, email: str) -> Player | None:
    return session.scalars(select(Player).where(Player.email == email)).one_or_none()


def exists(session: Session, player_id: uuid.UUID) -> bool:
    return session.scalar(select(Player.id).where(Player.id == player_id)) is not None


def lock(session: Session, player_id: uuid.UUID) -> bool:
    """Until the transaction's end. False when there is no such player; votes for their videos wait as well."""
    query = select(Player.id).where(Player.id == player_id).with_for_update(key_share=True)
    return session.scalar(query) is not None


def set_password_hash(session: Session, player_id: uuid.UUID, password_hash: str) -> None:
    session.execute(update(Player).where(Player.id == player_id).values(password_hash=password_hash))


def begun_at(session: Session) -> datetime | None:
    """When the first account was opened: nothing that was stored before is of this database. None: it has none."""
    return session.scalar(select(Player.created_at).order_by(Player.id).limit(1))
