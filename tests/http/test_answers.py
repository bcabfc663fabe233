import asyncio
import errno
import socket
import string
import threading
import uuid
from collections.abc import AsyncIterator

import pytest
import sqlalchemy
import structlog
from fastapi import FastAPI
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient
from structlog.testing import capture_logs
from tests.cast import problem, wish
from tests.conftest import SECRET
from tests.server import answer_on, server_of, serving, talk

from anb.api import create_app
from anb.db import Database, is_passing
from anb.errors import AnbError
from anb.http.client import asked_language
from anb.http.problems import STATUS
from anb.http.protocol import HalfOpenProtocol
from anb.messages import FAILURES, FIELDS, NOTICES, PROBLEMS, SENTENCES
from anb.players.models import Player
from anb.settings import Settings, load_settings
from anb.storage.trouble import StorageError


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None), ("es", "es"), ("en-US,en;q=0.9", "en"), ("es-CO,es;q=0.9,en;q=0.8", "es"), ("fr,en;q=0.5", "en"),
        ("en;q=0.2, es;q=0.3", "es"), ("fr", None), ("*", None), ("en;q=x", None), ("en;q=0", None), (";;,,", None),
    ],
)  # fmt: skip
def test_the_language_is_the_clients_best_of_ours(header: str, expected: str | None) -> None:
    request = Request({"type": "http", "headers": [(b"accept-language", header.encode())]})
    assert asked_language(request) == expected


def test_an_unknown_address_and_method_are_problems(client: TestClient) -> None:
    problem(client.get("/nowhere"), 404, "not_found")
    problem(client.put("/api/auth/login"), 405, "method_not_allowed")


_SOME = "0198c0de-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/api/auth/login", "POST"), ("/api/uploads", "GET, OPTIONS, POST"), (f"/api/videos/{_SOME}", "DELETE, GET"),
        (f"/api/uploads/{_SOME}", "DELETE, GET, HEAD, OPTIONS, PATCH"), ("/api/public/videos", "GET, HEAD"),
    ],
)  # fmt: skip
def test_a_405_names_all_methods_of_the_path(client: TestClient, path: str, allowed: str) -> None:
    """RFC 9110, 15.5.6."""
    refused = client.put(path, headers={"Tus-Resumable": "1.0.0"})
    assert (refused.status_code, refused.headers["allow"]) == (405, allowed)


def test_readiness_waits_for_no_writer(client: TestClient, database: Database) -> None:
    with database.write() as session:
        session.execute(update(Player).values(votes=0))
        assert client.get("/ready").json()["parts"]["database"]["ms"] < 5000


@pytest.mark.parametrize(("revision", "status"), [("0001", 503), ("9999", 200)])
def test_only_an_older_schema_makes_it_unready(
    client: TestClient, database: Database, revision: str, status: int
) -> None:
    """A newer one is there while the next release is on its way: this code serves until it is replaced."""
    with database.write() as session:
        current = session.scalars(sqlalchemy.text("SELECT version_num FROM alembic_version")).one()
        session.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    try:
        assert client.get("/ready").status_code == status
    finally:
        with database.write() as session:
            session.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = :it"), {"it": current})


def test_a_database_without_a_schema_is_503(settings: Settings, new_url: str) -> None:
    """`anb migrate` was forgotten, or the address is another one's. Lists, votes, sign-ups: all answer alike."""
    with TestClient(create_app(settings.model_copy(update={"database_url": new_url}))) as client:
        problem(client.get("/api/public/videos"), 503, "temporarily_unavailable")
        problem(client.get("/api/public/rankings"), 503, "temporarily_unavailable")
        problem(client.post("/api/auth/signup", json=wish("Ana")), 503, "temporarily_unavailable")
        assert "anb migrate" in client.get("/ready").json()["parts"]["database"]["detail"]


def test_a_request_id_is_given_or_taken_over(client: TestClient) -> None:
    assert len(client.get("/health").headers["x-request-id"]) == 32
    assert client.get("/health", headers={"X-Request-Id": "phone-12345"}).headers["x-request-id"] == "phone-12345"
    assert client.get("/health", headers={"X-Request-Id": "a b\tc d e f"}).headers["x-request-id"] != "a b\tc d e f"
    assert problem(client.get("/nowhere", headers={"X-Request-Id": "phone-12345"}), 404, "not_found")["request_id"]


def test_each_request_is_one_line_that_names_its_video(client: TestClient) -> None:
    video_id = uuid.uuid4()
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        client.get(f"/api/public/videos/{video_id}", headers={"X-Request-Id": "phone-12345"})
        client.get("/health")
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line.get("video_id"), line["status"]) for line in requests] == [(str(video_id), 404), (None, 200)]
    assert requests[0]["request_id"] == "phone-12345"


def test_health_ready_and_metrics(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "healthy"
    ready = client.get("/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert set(ready.json()["parts"]) == {"database", "broker", "storage", "ffmpeg", "disk", "worker"}
    assert all(part["ms"] >= 0 for part in ready.json()["parts"].values())
    assert "anb_http_requests_total" in client.get("/metrics").text


def test_metrics_have_one_spelling(client: TestClient) -> None:
    """The load balancer before Kubernetes refuses it by the path as it was sent."""
    assert client.get("/metrics?x=1").status_code == 200
    problem(client.get("/%6detrics"), 404, "not_found")


def test_every_text_stands_in_both_languages_with_the_same_fields() -> None:
    for table in (PROBLEMS, FIELDS, SENTENCES, FAILURES, NOTICES):
        for code, words in table.items():
            fields = [
                {name for _, name, _, _ in string.Formatter().parse(spoken) if name} for spoken in (words.es, words.en)
            ]
            assert words.es, code
            assert words.en, code
            assert fields[0] == fields[1], code


def test_every_kind_of_error_has_a_status() -> None:
    assert set(STATUS) == set(AnbError.__subclasses__())


def test_an_unforeseen_error_is_a_problem_without_details(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("anb.rankings.repository.count", broken)
    with capture_logs() as logged:
        answer = client.get("/api/public/rankings")  # and nothing is raised that the server would log once more
    body = problem(answer, 500, "internal_error")
    assert "secret" not in str(body)
    assert (answer.headers["x-request-id"], answer.headers["x-content-type-options"]) == (body["request_id"], "nosniff")
    assert [line["event"] for line in logged if "exc_info" in line] == ["request_failed"]


def test_an_answer_that_breaks_in_the_middle_is_cut_off(app: FastAPI) -> None:
    """Half of one is no answer, and a second one behind it would be taken for its end."""

    async def half() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("no more")

    app.add_api_route("/half", lambda: StreamingResponse(half()))
    with serving(app) as port:
        answer = talk(port, b"GET /half HTTP/1.1\r\nHost: anb\r\n\r\n", half_close=False)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"half\r\n")


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (StorageError(errno.EIO, "a share that is away"), 503, "temporarily_unavailable"),
        (StorageError(errno.ENOSPC, "No space left on device"), 507, "no_room"),
        (OSError(errno.EIO, "no storage of ours"), 500, "internal_error"),
        (FileNotFoundError(errno.ENOENT, "a file of ours"), 500, "internal_error"),
        (TimeoutError("nobody expected it"), 500, "internal_error"),
    ],
)
def test_only_the_storages_trouble_will_do_a_moment_later(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, raised: OSError, status: int, code: str
) -> None:
    def broken(*_: object) -> None:
        raise raised

    monkeypatch.setattr("anb.rankings.repository.count", broken)
    problem(client.get("/api/public/rankings"), status, code)


def test_a_database_that_is_away_is_a_503_that_asks_to_come_back() -> None:
    settings = load_settings(
        database_url="postgresql://nobody@127.0.0.1:1/none", celery_broker_url="redis://127.0.0.1:1/0",
        secret_key=SECRET, log_level="error",
    )  # fmt: skip
    with TestClient(create_app(settings)) as client:
        for answer in (client.get("/api/public/videos"), client.post("/api/auth/signup", json=wish())):
            problem(answer, 503, "temporarily_unavailable")
            assert int(answer.headers["retry-after"]) > 0


def test_a_server_that_was_demoted_is_left_for_the_new_primary(client: TestClient, database: Database) -> None:
    """A failover may leave connections where they are. The next one leads to whoever is the primary then."""
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no failover")
    with database.read() as session:  # its connection is older than the change, and stays as it is
        name = session.scalar(text("SELECT current_database()"))
        session.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    client.app.state.database.engine.dispose()  # type: ignore[attr-defined]
    try:
        refused = client.post("/api/auth/signup", json=wish())
    finally:
        with database.read() as session:
            session.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
    problem(refused, 503, "temporarily_unavailable")
    assert client.post("/api/auth/signup", json=wish()).status_code == 201, "without another dispose"


def test_an_error_of_the_database_is_logged_without_what_was_to_be_stored(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed, database.read() as session:
        session.execute(text("SELECT nothing FROM players WHERE password_hash = :hash"), {"hash": "$argon2id$secret"})
    assert "SELECT nothing" in str(failed.value)
    assert "secret" not in str(failed.value)


def test_a_wrong_statement_will_not_be_right_a_moment_later() -> None:
    nonsense = ProgrammingError("SELEC 1", None, Exception("syntax error"))
    assert not is_passing(nonsense)
    assert is_passing(ProgrammingError("SELECT 1", None, Exception("gone"), connection_invalidated=True))


def test_whom_a_stopping_server_waits_for_no_longer_hears_so(app: FastAPI) -> None:
    asked = threading.Event()

    @app.get("/patient")
    async def patient() -> None:
        asked.set()
        await asyncio.Event().wait()

    with (
        server_of(app, HalfOpenProtocol) as (server, port),
        socket.create_connection(("127.0.0.1", port), timeout=20) as client,
    ):
        server.config.timeout_graceful_shutdown = 1
        client.sendall(b"GET /patient HTTP/1.1\r\nHost: x\r\n\r\n")
        assert asked.wait(20)
        server.should_exit = True
        answer = answer_on(client)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"temporarily_unavailable"' in answer
