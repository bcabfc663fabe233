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
    """Every total that its rows do not bear out. Holds nobody off: each statement sees one moment of both."""
    with database.read() as session:
        wrong = [*_differences(session, "video", _by_video()), *_differences(session, "player", _by_player())]
    if repair:
        return [mended for difference in wrong for mended in _mend(database, difference)]
    return wrong


def _mend(database: Database, found: Difference) -> list[Difference]:
    """Counted again while its row is locked: what writes votes changes the total in the same transaction, so it is
    counted here, or waits and adds itself to what is written here.

    One row in a transaction, which waits for no second lock: an upload writes to players and then to videos, a ballot
    the other way round, and a repair that held the one while it waited for the other would end in a deadlock.
    """
    table: Any = Video if found.kind == "video" else Player
    counted = _by_video() if found.kind == "video" else _by_player()
    with database.write() as session:
        session.execute(select(table.id).where(table.id == found.id).with_for_update(key_share=True))
        wrong = _differences(session, found.kind, counted.where(table.id == found.id))
        for difference in wrong:
            session.execute(update(table).where(table.id == difference.id).values(votes=difference.rows))
    return wrong


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
