"""A database of the release before 0003: what is in it stays as it is, and the code that still serves works on.

Nothing here uses the models, which are of today: rows and statements are plain SQL, as the old release had them.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from anb import migrations
from anb.db import Database
from anb.migrations import upgrade_on
from tests.conftest import POSTGRES, SHAPES

OLD = "0002"
NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
KEYS = {"players": "id", "videos": "id", "votes": "video_id, player_id", "uploads": "id"}
Row = dict[str, Any]
Rows = dict[str, list[tuple[Any, ...]]]


def number(n: int) -> uuid.UUID:
    return uuid.UUID(int=n)


def player(n: int, **more: Any) -> Row:
    return {
        "id": number(n), "email": f"player{n}@example.com", "password_hash": "$argon2id$", "first_name": "Ana",
        "last_name": "Gómez", "city": "Bogotá", "country": "Colombia", "city_key": "bogota", "country_key": "colombia",
        "created_at": NOW - 100 * HOUR, "votes": 0, "first_published_at": None,
    } | more  # fmt: skip


def video(n: int, status: str, age: timedelta, **more: Any) -> Row:
    return {
        "id": number(n), "player_id": number(1), "title": "Mi triple", "description": "", "status": status,
        "progress": 0, "created_at": NOW - age, "processed_at": None, "votes": 0, "original_key": f"uploads/{n}.mp4",
        "original_bytes": 1000 + n, "original_sha256": "0" * 64, "processed_key": None, "poster_key": None,
        "failure_code": None, "failure_params": "{}", "idempotency_key": f"key {n}", "request_id": "r", "attempt": 0,
        "failures": 0, "lease_until": None, "not_before": None, "rung_at": NOW - age,
    } | more  # fmt: skip


def upload(n: int, **more: Any) -> Row:
    return {
        "id": number(n), "player_id": number(2), "length": 5000 + n, "title": "Otro", "description": "d",
        "sent_metadata": "title T3Rybw==", "created_at": NOW - HOUR, "expires_at": NOW + 20 * HOUR,
        "finished_at": None, "request_id": "r",
    } | more  # fmt: skip


PUBLISHED = {"processed_at": NOW - HOUR, "processed_key": "processed/13.1.mp4", "poster_key": "processed/13.1.jpg"}
FILLED: list[tuple[str, Row]] = [
    ("players", player(1, votes=1, first_published_at=NOW - HOUR)),
    ("players", player(2)),
    ("videos", video(11, "pending", HOUR)),
    ("videos", video(12, "processing", HOUR, attempt=1, lease_until=NOW + HOUR)),
    ("videos", video(13, "completed", 50 * HOUR, attempt=1, progress=100, votes=1, **PUBLISHED)),
    ("videos", video(14, "failed", 2 * HOUR, failure_code="too_short", failure_params='{"duration_s": 0.4}')),
    ("votes", {"video_id": number(13), "player_id": number(2), "created_at": NOW}),
    ("uploads", upload(21)),
    ("uploads", upload(22, finished_at=NOW - HOUR)),
    ("uploads", upload(23, created_at=NOW - 30 * HOUR)),  # kept alive for longer than a day
]


@pytest.fixture(params=SHAPES)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """As the old release left it."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'old.db'}")
        _fill(database)
        yield database
        database.dispose()
        return
    server = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    name = f"anb_test_{uuid.uuid4().hex[:12]}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    database = Database(server.set(database=name).render_as_string(hide_password=False))
    _fill(database)
    yield database
    database.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _fill(database: Database) -> None:
    with database.engine.begin() as connection:
        upgrade_on(connection, OLD)
        for table, row in FILLED:
            insert(connection, table, row)


def insert(connection: Connection, table: str, row: Row) -> None:
    run(connection, f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})", **row)


def run(connection: Connection, statement: str, **values: Any) -> Any:
    """SQLite has neither ids nor times: 16 bytes, and text without a zone."""
    if connection.dialect.name == "sqlite":
        values = {name: _for_sqlite(value) for name, value in values.items()}
    return connection.execute(text(statement), values)


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return value.bytes
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


def columns(table: str) -> str:
    return ", ".join(next(row for name, row in FILLED if name == table))


def rows(database: Database) -> Rows:
    with database.engine.connect() as connection:
        return {
            table: [tuple(row) for row in run(connection, f"SELECT {columns(table)} FROM {table} ORDER BY {key}")]
            for table, key in KEYS.items()
        }


def test_what_is_there_is_unchanged(old: Database) -> None:
    before = rows(old)
    assert {table: len(found) for table, found in before.items()} == {
        "players": 2, "videos": 4, "votes": 1, "uploads": 3
    }  # fmt: skip
    migrations.upgrade(old)
    assert migrations.revision(old) == migrations.head()
    assert rows(old) == before


def test_what_came_within_a_day_or_is_on_its_way_is_in_the_register(old: Database) -> None:
    migrations.upgrade(old)
    with old.engine.connect() as connection:
        found = run(connection, "SELECT bytes, under_way FROM arrivals ORDER BY bytes").all()
    assert [(row.bytes, bool(row.under_way)) for row in found] == [
        (1011, False), (1012, False), (1014, False), (5021, True), (5023, True),
    ]  # fmt: skip


OLD_WORK: list[tuple[str, Row]] = [
    # Web: a vote and its totals, a resumable upload from its beginning to its video.
    ("INSERT INTO votes (video_id, player_id, created_at) VALUES (:video, :voter, :now) ON CONFLICT DO NOTHING",
     {"video": number(13), "voter": number(31), "now": NOW}),
    ("UPDATE videos SET votes = votes + 1 WHERE id = :video", {"video": number(13)}),
    ("UPDATE players SET votes = votes + 1 WHERE id = :player", {"player": number(1)}),
    ("UPDATE uploads SET expires_at = :later WHERE id = :upload AND finished_at IS NULL",
     {"later": NOW + 24 * HOUR, "upload": number(21)}),
    ("UPDATE uploads SET finished_at = :now, expires_at = :later WHERE id = :upload AND finished_at IS NULL",
     {"now": NOW, "later": NOW + 24 * HOUR, "upload": number(21)}),
    ("DELETE FROM uploads WHERE id = :upload AND expires_at <= :later",
     {"upload": number(23), "later": NOW + 24 * HOUR}),
    # Worker: claim, heartbeat, publish, fail, free what is lapsed, ring again.
    (("UPDATE videos SET status = 'processing', attempt = attempt + 1, lease_until = :lease, progress = 0"
     " WHERE status = 'pending' AND id = :video AND (not_before IS NULL OR not_before <= :now)"),
     {"video": number(11), "lease": NOW + HOUR, "now": NOW}),
    ("UPDATE videos SET lease_until = :lease, progress = 4 WHERE status = 'processing' AND id = :video AND attempt = 1",
     {"video": number(11), "lease": NOW + HOUR}),
    (("UPDATE videos SET status = 'completed', processed_at = :now, progress = 100, processed_key = 'results/11.mp4',"
     " poster_key = 'processed/11.1.jpg', lease_until = NULL WHERE status = 'processing' AND id = :video"
     " AND attempt = 1"), {"video": number(11), "now": NOW}),
    ("UPDATE players SET first_published_at = coalesce(first_published_at, :now) WHERE id = :player",
     {"player": number(1), "now": NOW}),
    (("UPDATE videos SET status = 'pending', failures = failures + 1, lease_until = NULL, rung_at = :now"
     " WHERE status = 'processing' AND lease_until <= :later"), {"now": NOW, "later": NOW + 2 * HOUR}),
    ("DELETE FROM videos WHERE id = :video AND votes = 0", {"video": number(14)}),
]  # fmt: skip


def test_the_statements_of_the_old_release_work_on_the_new_schema(old: Database) -> None:
    """Its processes serve until the last one is replaced. Each statement changes the row that it names."""
    migrations.upgrade(old)
    with old.engine.begin() as connection:
        insert(connection, "players", player(31))
        insert(connection, "videos", video(32, "pending", timedelta(), player_id=number(31)))
        insert(connection, "uploads", upload(33))
        changed = [run(connection, statement, **values).rowcount for statement, values in OLD_WORK]
    assert changed == [1] * len(OLD_WORK)
    with old.engine.connect() as connection:
        public = run(connection, "SELECT id, votes FROM videos WHERE status = 'completed' ORDER BY votes DESC").all()
        waiting = run(connection, "SELECT original_bytes FROM videos WHERE status = 'pending' ORDER BY original_bytes")
        assert [row.votes for row in public] == [2, 0]
        assert [row.original_bytes for row in waiting] == [1012, 1032]
        assert run(connection, "SELECT count(*) FROM uploads").scalar_one() == 3


def test_who_goes_back_to_the_release_before_starts_on_the_schema_that_there_is(old: Database) -> None:
    with old.engine.begin() as connection:
        run(connection, "UPDATE alembic_version SET version_num = 'of the next release'")
    before = rows(old)
    migrations.upgrade(old)
    assert migrations.revision(old) == "of the next release"
    assert migrations.serves(migrations.revision(old))
    assert rows(old) == before
