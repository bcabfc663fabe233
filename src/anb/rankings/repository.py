import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from anb.players.models import Player, shown_name
from anb.players.repository import PlaceFilter
from anb.rankings.table import Standing
from anb.videos.lifecycle import Status
from anb.videos.models import Video, in_state


def page(session: Session, chosen: PlaceFilter, *, limit: int, offset: int) -> list[Standing]:
    """Read from an index in its own order; then the most voted video of each player on the page. Whose only one was
    deleted between the two is not there any more."""
    order = (Player.votes.desc(), Player.first_published_at, Player.id)
    players = session.execute(
        select(
            Player.id, Player.first_name, Player.last_name, Player.city, Player.country, Player.votes,
            Player.first_published_at,
        ).where(*_ranked(chosen)).order_by(*order).limit(limit).offset(offset)
    ).all()  # fmt: skip
    best = _most_voted(session, [player.id for player in players])
    return [
        Standing(
            player_id=player.id,
            player_name=shown_name(player.first_name, player.last_name),
            city=player.city,
            country=player.country,
            votes=player.votes,
            first_published_at=player.first_published_at,
            video_id=best[player.id][0],
            title=best[player.id][1],
        )
        for player in players
        if player.id in best
    ]


def count(session: Session, chosen: PlaceFilter) -> int:
    return session.execute(select(func.count()).select_from(Player).where(*_ranked(chosen))).scalar_one()


def _ranked(chosen: PlaceFilter) -> list[ColumnElement[bool]]:
    return [*chosen.conditions(), Player.first_published_at.is_not(None)]


def _most_voted(session: Session, player_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[uuid.UUID, str]]:
    """Earlier published first where votes are equal."""
    place = func.row_number().over(
        partition_by=Video.player_id, order_by=(Video.votes.desc(), Video.processed_at, Video.id)
    )
    published = select(Video.player_id, Video.id, Video.title, place.label("place")).where(
        Video.player_id.in_(player_ids), in_state(Status.COMPLETED)
    ).subquery()  # fmt: skip
    rows = session.execute(select(published).where(published.c.place == 1))
    return {row.player_id: (row.id, row.title) for row in rows}
