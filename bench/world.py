"""A contest in the middle of its life: players, published videos and votes, totals that agree with the rows."""

import random
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, update

from anb.db import Base, Database, new_id
from anb.players.models import Player
from anb.text import place_key
from anb.videos.models import Video
from anb.voting.models import Vote
from bench.load import request

PLAYERS = 2003
"""A prime, so that pairs of player and video do not come round again before every video was tried."""
VIDEOS = 20_000
VOTES = 100_000
"""Drawn for the start; from there on the load votes, and from `COMMITTED_BARE` on the bare database does."""
COMMITTED_BARE = 10_000_000
CITIES = ("Bogotá", "Medellín", "Cali", "Barranquilla", "Cartagena", "Cúcuta", "Bucaramanga", "Pereira")
_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_STRIDE = 7919


@dataclass(frozen=True)
class World:
    players: list[uuid.UUID]
    videos: list[uuid.UUID]
    """Video n is of player n modulo their number."""

    def pairs(self, start: int, end: int = PLAYERS * VIDEOS) -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
        """Player and somebody else's video, never the same two twice, whatever the ranges of two calls that differ."""
        for number in range(start, end):
            player, video = number % PLAYERS, number * _STRIDE % VIDEOS
            if video % PLAYERS != player:
                yield self.players[player], self.videos[video]

    def ballots(self, tokens: dict[uuid.UUID, str]) -> Iterator[bytes]:
        for player, video in self.pairs(VOTES, COMMITTED_BARE):
            yield request("POST", f"/api/public/videos/{video}/vote", tokens[player])


def people(world: World) -> list[dict[str, Any]]:
    rows = []
    for number, player in enumerate(world.players):
        city = CITIES[number % len(CITIES)]
        rows.append(
            {
                "id": player, "email": f"player{number}@example.com", "password_hash": "!",
                "first_name": "Ana", "last_name": f"Gómez {number}", "city": city, "country": "Colombia",
                "city_key": place_key(city), "country_key": place_key("Colombia"), "created_at": _START,
                "first_published_at": _START + timedelta(seconds=number),
            }
        )  # fmt: skip
    return rows


def clips(world: World) -> list[dict[str, Any]]:
    rows = []
    for number, video in enumerate(world.videos):
        moment = _START + timedelta(seconds=number)
        rows.append(
            {
                "id": video, "player_id": world.players[number % PLAYERS], "title": f"Mi mejor triple {number}",
                "status": "completed", "progress": 100, "created_at": moment, "processed_at": moment,
                "rung_at": moment, "original_key": f"uploads/{video}.mp4", "original_bytes": 1,
                "original_sha256": "0" * 64, "request_id": "bench", "processed_key": f"processed/{video}.1.mp4",
                "poster_key": f"processed/{video}.1.jpg",
            }
        )  # fmt: skip
    return rows


def seed(database: Database) -> World:
    world = World([new_id() for _ in range(PLAYERS)], [new_id() for _ in range(VIDEOS)])
    chance = random.Random(20_261)  # the same contest in every run
    cast = [pair for pair in world.pairs(0, VOTES) if chance.random() < 0.9]  # so that totals differ
    owners = dict(zip(world.videos, (world.players[n % PLAYERS] for n in range(VIDEOS)), strict=True))
    with database.engine.begin() as connection:
        connection.execute(insert(Player), people(world))
        connection.execute(insert(Video), clips(world))
        rows = [{"video_id": video, "player_id": player, "created_at": _START} for player, video in cast]
        connection.execute(insert(Vote), rows)
        _total(connection, Video, Counter(video for _, video in cast))
        _total(connection, Player, Counter(owners[video] for _, video in cast))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return world


def _total(connection: Any, table: type[Base], totals: Counter[uuid.UUID]) -> None:
    """One statement a total value: few, because totals are small."""
    columns = table.__table__.c
    for votes in set(totals.values()):
        ids = [row for row, total in totals.items() if total == votes]
        for start in range(0, len(ids), 500):
            chosen = columns.id.in_(ids[start : start + 500])
            connection.execute(update(table).where(chosen).values(votes=votes))
