"""Votes a second and the public pages, through HTTP, beside what an empty handler and the bare database do."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import func, select

from anb import migrations
from anb.db import Database
from anb.players.tokens import Signer
from anb.videos.models import Video
from anb.voting.models import Vote
from bench import commits, empty, load, shapes
from bench.load import Tally, request
from bench.world import CITIES, COMMITTED_BARE, World, seed

CONNECTIONS = 50
READERS = 8
VOTE_S = 6.0
READ_S = 2.0
PAGES = 200


def embedded(folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    file = folder / "anb.db"
    database = Database(f"sqlite:///{file}")
    migrations.upgrade(database)
    world = seed(database)
    with shapes.running(shapes.EMPTY, folder / "empty") as (port, _):
        nothing = _empty(port, world)
    with shapes.running(shapes.UP, folder) as (port, _):
        reading = _reading(port)
        health = load.run(port, itertools.repeat(request("GET", "/health")), connections=CONNECTIONS, seconds=READ_S)
        votes = _votes(port, world, database)
    unused = world.pairs(COMMITTED_BARE)
    raw = {batch: commits.sqlite_rate(file, unused, batch) for batch in (1, commits.BATCH)}
    database.dispose()
    return {"votes": _beside(votes, nothing, raw) | {"health_per_s": health.rate}, **reading}


def servers(folder: Path) -> dict[str, Any]:
    with shapes.postgres() as url:
        database = Database(url)
        migrations.upgrade(database)
        world = seed(database)
        with shapes.running(shapes.GUNICORN, folder, url) as (port, _):
            nothing = _empty(port, world)
            reading = _reading(port)
            votes = _votes(port, world, database)
        unused = world.pairs(COMMITTED_BARE)
        raw = {batch: commits.postgres_rate(url, unused, batch) for batch in (1, commits.BATCH)}
        with database.engine.connect() as connection:
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
        database.dispose()
    return {"postgresql": version, "workers": shapes.WORKERS, "votes": _beside(votes, nothing, raw), **reading}


def _tokens(world: World) -> dict[Any, str]:
    signer = Signer(shapes.SECRET, 3600)
    return {player: signer.player_token(player) for player in world.players}


def _empty(port: int, world: World) -> Tally:
    requests = itertools.cycle([request("POST", empty.PATH, token) for token in _tokens(world).values()])
    return load.run(port, requests, connections=CONNECTIONS, seconds=READ_S)


def _votes(port: int, world: World, database: Database) -> Tally:
    """Every 201 must be a row, and every row in its video's total."""
    before, _ = _counted(database)
    tally = load.run(port, world.ballots(_tokens(world)), connections=CONNECTIONS, seconds=VOTE_S)
    rows, total = _counted(database)
    if tally.statuses.keys() != {201} or not rows == total == before + tally.statuses[201]:
        raise RuntimeError(f"votes are wrong: {tally.statuses}, {rows} rows, {total} in totals")
    return tally


def _counted(database: Database) -> tuple[int, int]:
    with database.read() as session:
        rows = session.scalar(select(func.count()).select_from(Vote)) or 0
        return rows, session.scalar(select(func.sum(Video.votes))) or 0


def _beside(votes: Tally, nothing: Tally, raw: dict[int, float]) -> dict[str, Any]:
    return {
        "votes_per_s": votes.rate,
        "vote_p50_ms": votes.p(50),
        "vote_p95_ms": votes.p(95),
        "connections": CONNECTIONS,
        "empty_handler_per_s": nothing.rate,
        "percent_of_empty_handler": round(100 * votes.rate / nothing.rate, 1),
        "bare_database_per_s": {f"{batch} a transaction": rate for batch, rate in raw.items()},
    }


def _reading(port: int) -> dict[str, Any]:
    """`fresh` reads past the kept pages, each time from the database; `kept` is what a public sees."""
    kept = itertools.cycle(_mostly_first("/api/public/videos?"))
    return {
        "list_fresh": _latencies(port, _fresh("/api/public/videos?order_by=votes&")),
        "list_kept": _latencies(port, kept),
        "ranking_fresh": _latencies(port, _fresh("/api/public/rankings?", pages=PAGES // 2)),
        "ranking_of_a_city_fresh": _latencies(port, _fresh_cities()),
    }


def _latencies(port: int, requests: Iterator[bytes]) -> dict[str, Any]:
    """What one reader waits, and what a crowd of readers is given a second."""
    alone, crowd = (load.run(port, requests, connections=many, seconds=READ_S) for many in (1, READERS))
    if alone.statuses.keys() | crowd.statuses.keys() != {200}:
        raise RuntimeError(f"reads failed: {alone.statuses}, {crowd.statuses}")
    return {"p50_ms": alone.p(50), "p95_ms": alone.p(95), f"per_s_at_{READERS}": crowd.rate}


def _fresh(path: str, pages: int = PAGES) -> Iterator[bytes]:
    no_cache = "Cache-Control: no-cache\r\n"
    return itertools.cycle([request("GET", f"{path}page={page}", more=no_cache) for page in range(1, pages + 1)])


def _fresh_cities() -> Iterator[bytes]:
    no_cache = "Cache-Control: no-cache\r\n"
    return itertools.cycle(
        [request("GET", f"/api/public/rankings?city={quote(city)}", more=no_cache) for city in CITIES]
    )


def _mostly_first(path: str) -> list[bytes]:
    """Page 1 half of the time, else 2 to 20."""
    pages = itertools.chain.from_iterable((1, other) for other in range(2, 21))
    return [request("GET", f"{path}page={page}") for page in pages]
