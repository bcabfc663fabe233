"""Totals are a convenience; the rows are the vote. This derives the one from the other."""

import uuid
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from anb.db import Database
from anb.players.models import Player
from anb.videos.lifecycle import Status
from anb.videos.models import Video, in_state
from anb.voting.models import Vote


@dataclass(frozen=True)
class Difference:
    kind: Literal["video", "player"]
    id: uuid.UUID
    total: int
    rows: int


def recount(database: Database, *, repair: bool) -> list[Difference]:
    """Every total that its rows do not bear out. Looking holds nobody off: each statement sees one moment of both."""
    with database.write() if repair else database.read() as session:
        if repair:
            _hold_votes(session)
        wrong = [*_differences(session, "video", _by_video()), *_differences(session, "player", _by_player())]
        if repair:
            for difference in wrong:
                table: Any = Video if difference.kind == "video" else Player
                session.execute(update(table).where(table.id == difference.id).values(votes=difference.rows))
    return wrong


def _hold_votes(session: Session) -> None:
    """What was counted must still be so when it is written; on SQLite the write transaction is already alone.

    A ballot locks its video first and then inserts: who repairs waits in the same order.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql("LOCK TABLE videos IN EXCLUSIVE MODE")
        session.connection().exec_driver_sql("LOCK TABLE votes IN SHARE MODE")


def _differences(
    session: Session, kind: Literal["video", "player"], totals: Select[uuid.UUID, int, int]
) -> list[Difference]:
    return [Difference(kind, row_id, total, rows) for row_id, total, rows in session.execute(totals)]


def _by_video() -> Select[uuid.UUID, int, int]:
    rows = func.count(Vote.player_id)
    joined = select(Video.id, Video.votes, rows).outerjoin(Vote, Vote.video_id == Video.id)
    return joined.group_by(Video.id, Video.votes).having(Video.votes != rows)


def _by_player() -> Select[uuid.UUID, int, int]:
    rows = func.count(Vote.player_id)
    published = (Video.player_id == Player.id) & (in_state(Status.COMPLETED))
    joined = (
        select(Player.id, Player.votes, rows).outerjoin(Video, published).outerjoin(Vote, Vote.video_id == Video.id)
    )
    return joined.group_by(Player.id, Player.votes).having(Player.votes != rows)
