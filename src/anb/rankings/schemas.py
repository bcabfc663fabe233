import uuid
from typing import Any

from pydantic import BaseModel, Field

from anb.rankings.table import Standing


class Row(BaseModel):
    position: int
    player_id: uuid.UUID
    player_name: str
    city: str
    country: str
    votes: int = Field(description="All votes of the player's published videos")
    video_id: uuid.UUID = Field(description="The player's most voted video")
    title: str
    username: str = Field(deprecated=True, description="Alias of player_name for the seed's clients")
    artist_name: str = Field(deprecated=True, description="Alias of player_name for the seed's clients")
    vote_count: int = Field(deprecated=True, description="Alias of votes for the seed's clients")


class Ranking(BaseModel):
    rankings: list[Row]
    total: int
    page: int
    page_size: int
    total_pages: int


def row(position: int, standing: Standing) -> dict[str, Any]:
    """A `Row` as it is encoded."""
    return {
        "position": position,
        "player_id": standing.player_id,
        "player_name": standing.player_name,
        "city": standing.city,
        "country": standing.country,
        "votes": standing.votes,
        "video_id": standing.video_id,
        "title": standing.title,
        "username": standing.player_name,
        "artist_name": standing.player_name,
        "vote_count": standing.votes,
    }
