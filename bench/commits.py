"""What the database alone takes: the three statements of a vote in a transaction, without HTTP, ORM or rules."""

import itertools
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg

Pair = tuple[uuid.UUID, uuid.UUID]

SECONDS = 2.0
CONNECTIONS = 8
BATCH = 20


def sqlite_rate(file: Path, pairs: Iterator[Pair], batch: int) -> float:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")

    def commit(chosen: Sequence[Pair]) -> None:
        rows = [(video.bytes, player.bytes) for player, video in chosen]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO votes VALUES (?, ?, '2026-03-01 12:00:00.000000')", rows)
        connection.executemany("UPDATE videos SET votes = votes + 1 WHERE id = ?", [row[:1] for row in rows])
        connection.executemany("UPDATE players SET votes = votes + 1 WHERE id = ?", [row[1:] for row in rows])
        connection.execute("COMMIT")

    try:
        return _rate(commit, pairs, batch)
    finally:
        connection.close()


def postgres_rate(url: str, pairs: Iterator[Pair], batch: int) -> float:
    """On several connections at once, so that the server may join their commits."""
    shares = [itertools.islice(pairs, 20_000) for _ in range(CONNECTIONS)]
    rates: list[float] = []

    def work(share: list[Pair]) -> None:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            rates.append(_rate(lambda chosen: _commit(connection, chosen), iter(share), batch))

    threads = [threading.Thread(target=work, args=(list(share),)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return round(sum(rates), 1)


def _commit(connection: psycopg.Connection, chosen: Sequence[Pair]) -> None:
    """In the order of ids, so that connections never wait for each other in a circle."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO votes VALUES (%s, %s, now())", [(video, player) for player, video in chosen])
        videos, players = sorted(video for _, video in chosen), sorted(player for player, _ in chosen)
        cursor.executemany("UPDATE videos SET votes = votes + 1 WHERE id = %s", [(row,) for row in videos])
        cursor.executemany("UPDATE players SET votes = votes + 1 WHERE id = %s", [(row,) for row in players])


def _rate(commit: Callable[[Sequence[Pair]], None], pairs: Iterator[Pair], batch: int) -> float:
    votes = 0
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS and (chosen := list(itertools.islice(pairs, batch))):
        commit(chosen)
        votes += len(chosen)
    return round(votes / (time.perf_counter() - started), 1)
