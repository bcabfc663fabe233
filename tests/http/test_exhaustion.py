"""More is asked than the database's few connections can do: 503 within bounded time, never 500, and no one is left."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from tests.cast import MP4_HEAD, PASSWORD, Cast, wish
from tests.server import serving
from tests.waiting import until

from anb import api, db
from anb.api import create_app
from anb.db import Database
from anb.settings import Settings

CONNECTIONS = 3  # a pool of one, and the two that it may add
Ask = Callable[[httpx2.Client], httpx2.Response]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PATIENCE_S", 0.5)
    monkeypatch.setattr(db, "_POOL_PATIENCE_S", 0.5)


@pytest.fixture
def small(settings: Settings) -> FastAPI:
    """Beside the one that the cast uses."""
    return create_app(settings.model_copy(update={"database_pool": 1, "rate_limits_url": ""}))


@pytest.fixture
def port(small: FastAPI) -> Iterator[int]:
    with serving(small) as port:
        yield port


@contextmanager
def locked(database: Database, *tables: str) -> Iterator[None]:
    """As somebody who alters them holds them."""
    with database.engine.begin() as connection:
        connection.execute(text(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"))
        yield


def on_postgresql(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("its statements wait in one line of the process, and for nobody else")


def states(database: Database) -> list[str]:
    """What PostgreSQL says of all other connections to this database."""
    others = text("SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    with database.read() as session:
        return list(session.scalars(others))


def requests(cast: Cast) -> list[Ask]:
    ana, video_id = cast.ana.headers, cast.video(cast.beto)
    tus = ana | {"Tus-Resumable": "1.0.0", "Upload-Length": "500", "Upload-Metadata": "title VHJpcGxl"}
    form = {"files": {"file": ("clip.mp4", MP4_HEAD)}, "data": {"title": "Triple"}}
    log_in = {"email": "ana@example.com", "password": PASSWORD}
    fresh = {"Cache-Control": "no-cache"}
    return [
        lambda http: http.get("/api/videos", headers=ana),
        lambda http: http.get(f"/api/videos/{video_id}", headers=ana),
        lambda http: http.delete(f"/api/videos/{video_id}", headers=ana),
        lambda http: http.get("/api/public/videos?page_size=100", headers=fresh),
        lambda http: http.get("/api/public/rankings?page_size=100", headers=fresh),
        lambda http: http.post(f"/api/public/videos/{video_id}/vote", headers=ana),
        lambda http: http.post("/api/videos/upload", headers=ana, **form),
        lambda http: http.post("/api/uploads", headers=tus),
        lambda http: http.post("/api/auth/login", json=log_in),
        lambda http: http.post("/api/auth/signup", json=wish("Dora")),
    ]


@pytest.mark.usefixtures("impatient")
def test_when_no_connection_comes_free_all_hear_503_and_afterwards_nothing_is_left(
    small: FastAPI, port: int, cast: Cast, database: Database
) -> None:
    on_postgresql(database)
    asks = requests(cast)

    def ask(number: int) -> httpx2.Response:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=200, trust_env=False) as http:
            return asks[number % len(asks)](http)

    with locked(database, "players", "videos"):
        with ThreadPoolExecutor(60) as pool:
            answers = [pool.submit(ask, number) for number in range(12 * len(asks))]
            healthy = 0
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http:
                while not all(answer.done() for answer in answers):
                    assert http.get("/health").status_code == 200
                    healthy += 1
        assert healthy
        heard = [answer.result() for answer in answers]
    assert {(answer.status_code, answer.json()["code"]) for answer in heard} == {(503, "temporarily_unavailable")}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in heard)
    for number in range(len(asks)):
        until(partial(lambda number: ask(number).status_code in {200, 201, 202, 401, 403, 409}, number))
    until(lambda: small.state.database.engine.pool.checkedout() == 0)
    until(lambda: set(states(database)) <= {"idle"})


def test_uploads_that_come_slowly_hold_no_connection(settings: Settings, port: int, cast: Cast) -> None:
    """Many more than there are connections, each in the middle of its body."""
    token = cast.ana.headers["Authorization"]
    head = f"Host: anb\r\nAuthorization: {token}\r\nContent-Length: 100000\r\n"
    form = "POST /api/videos/upload HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\n" + head
    begin = "POST /api/uploads HTTP/1.1\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 100000\r\n"
    begin += f"Upload-Metadata: title VHJpcGxl\r\nContent-Type: application/offset+octet-stream\r\n{head}"
    bodies = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="c.mp4"\r\n\r\n' + MP4_HEAD, MP4_HEAD)
    folder = Path(settings.media)
    slow = []
    try:
        for number in range(8 * CONNECTIONS):
            connection = socket.create_connection(("127.0.0.1", port))
            slow.append(connection)
            connection.sendall((form, begin)[number % 2].encode() + b"\r\n" + bodies[number % 2])
        until(lambda: sum(path.is_file() for path in folder.rglob("*")) == len(slow) // 2)  # a form keeps its first MB
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http:
            for _ in range(3 * CONNECTIONS):
                assert http.get("/api/videos", headers=cast.ana.headers).status_code == 200
                assert http.get("/health").status_code == 200
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.usefixtures("impatient")
def test_a_transaction_that_somebody_forgot_holds_its_locks_for_a_while_only(
    database: Database, small: FastAPI
) -> None:
    """A host that vanished in the middle of one, or a frozen process."""
    on_postgresql(database)

    def forget() -> None:
        with small.state.database.write() as session:
            session.execute(text("LOCK TABLE players IN ACCESS EXCLUSIVE MODE"))
            with database.engine.begin() as connection:  # comes through, once that one is ended
                connection.execute(text("SELECT count(*) FROM players"))
            session.execute(text("SELECT 1"))

    with pytest.raises(SQLAlchemyError) as ended:
        forget()
    assert db.is_passing(ended.value)


def test_who_takes_their_time_is_not_hurried_and_a_host_that_vanished_is_noticed(database: Database) -> None:
    """A backup, a migration; the other end of a cable that was cut."""
    on_postgresql(database)
    with database.read() as session:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            assert session.execute(text(f"SHOW {name}")).scalar_one() == "0"
    hurried = Database(database.engine.url.render_as_string(hide_password=False), patience_s=15)
    try:
        with hurried.write() as session:
            assert session.execute(text("SHOW statement_timeout")).scalar_one() == "15s"
            assert session.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "15s"
            driver: Any = session.connection().connection.dbapi_connection
            told = driver.info.get_parameters()
        assert int(told["keepalives_idle"]) + int(told["keepalives_interval"]) * int(told["keepalives_count"]) <= 30
        assert int(told["tcp_user_timeout"]) <= 30_000
    finally:
        hurried.dispose()


def test_a_replica_is_read_only_and_hurried_also_behind_a_proxy_that_refuses_options(database: Database) -> None:
    on_postgresql(database)
    replica = Database.replica(database.engine.url.render_as_string(hide_password=False))
    try:
        with replica.read() as session:
            assert session.execute(text("SHOW statement_timeout")).scalar_one() == "2s"
            assert session.execute(text("SHOW default_transaction_read_only")).scalar_one() == "on"
            driver: Any = session.connection().connection.dbapi_connection
            assert "options" not in driver.info.get_parameters()
    finally:
        replica.dispose()
