"""Who leads: votes descending, then who published first, then id. Pure."""

import uuid
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Standing:
    player_id: uuid.UUID
    player_name: str
    city: str
    country: str
    votes: int
    first_published_at: datetime
    video_id: uuid.UUID
    title: str


def rank(standings: list[Standing], offset: int) -> list[tuple[int, Standing]]:
    """Positions 1, 2, 3 … without ties: the order is total, so that no two share one and pages never overlap."""
    return list(enumerate(sorted(standings, key=order), start=offset + 1))


def order(standing: Standing) -> tuple[int, datetime, uuid.UUID]:
    """The definition that the index `ix_players_ranking` and the database's ORDER BY repeat."""
    return (-standing.votes, standing.first_published_at, standing.player_id)
