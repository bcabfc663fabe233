"""A batch of ballots in one transaction: votes are rows, totals follow."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from anb import db
from anb.players.models import Player
from anb.videos.models import Video
from anb.voting.ballot import Ballot, Candidate
from anb.voting.models import Vote


def candidates_locked(session: Session, video_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Candidate]:
    """Locked in the order of their ids, so that batches which cross never wait for each other in a circle."""
    statement = (
        select(Video.id, Video.player_id, Video.status, Video.votes)
        .where(Video.id.in_(set(video_ids)))
        .order_by(Video.id)
        .with_for_update(key_share=True)
    )
    return {row.id: Candidate(row.player_id, row.status, row.votes) for row in session.execute(statement)}


def existing_players(session: Session, player_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    return set(session.scalars(select(Player.id).where(Player.id.in_(set(player_ids)))))


def insert_votes(session: Session, ballots: Sequence[Ballot]) -> set[Ballot]:
    """Those that were not there before. The primary key decides, whoever else votes at this moment."""
    if not ballots:
        return set()
    moment = db.now(session)
    rows = [{"video_id": one.video_id, "player_id": one.player_id, "created_at": moment} for one in ballots]
    # The rows beside the statement, not in it: one compiled form serves batches of every size.
    statement = db.insert(session, Vote).on_conflict_do_nothing().returning(Vote.video_id, Vote.player_id)
    inserted = session.execute(statement, rows)
    return {Ballot(row.video_id, row.player_id) for row in inserted}


def remove_votes(session: Session, video_id: uuid.UUID) -> int:
    return len(session.scalars(delete(Vote).where(Vote.video_id == video_id).returning(Vote.player_id)).all())


def add_to_totals(session: Session, by_video: Counter[uuid.UUID], by_player: Counter[uuid.UUID]) -> None:
    _add(session, Video, by_video)
    _add(session, Player, by_player)


def _add(session: Session, table: Any, votes: Counter[uuid.UUID]) -> None:
    if votes:
        target = table.__table__
        statement = update(target).where(target.c.id == bindparam("row")).values(votes=target.c.votes + bindparam("n"))
        session.connection().execute(statement, [{"row": row, "n": n} for row, n in sorted(votes.items())])
