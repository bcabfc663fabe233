import errno
import hashlib
import socket
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from anb.api import create_app
from anb.db import Database
from anb.settings import Settings
from anb.storage.base import ORIGINALS
from anb.videos import repository
from anb.videos.models import Video
from tests.cast import MP4_HEAD, Cast, Person, problem
from tests.server import answer_on, serving, talk
from tests.waiting import until


def stored(app: Any) -> list[Path]:
    return [path for path in app.state.storage.root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("field", ["file", "video_file"])
def test_an_upload_is_taken_and_waits(cast: Cast, app: FastAPI, field: str) -> None:
    answer = cast.upload(cast.ana, MP4_HEAD, " Mi triple ", field=field, form={"description": "desde la esquina\n¡sí!"})
    assert answer.status_code == 202
    body = answer.json()
    assert set(body) == {"id", "video_id", "task_id", "title", "description", "status", "user_id", "created_at"}
    assert (body["id"], body["status"], body["user_id"]) == (body["video_id"], "pending", str(cast.ana.id))
    assert body["created_at"].endswith("Z")
    assert [path.read_bytes() for path in stored(app)] == [MP4_HEAD]
    assert stored(app)[0].name == f"{body['id']}.mp4"


@pytest.mark.parametrize("path", ["/api/videos", "/api/videos/"])
def test_a_player_lists_own_videos_newest_first(cast: Cast, path: str) -> None:
    for title in ("uno", "dos"):
        cast.video(cast.ana, title)
    cast.video(cast.beto, "ajeno")
    answer = cast.client.get(path, headers=cast.ana.headers, follow_redirects=False)
    assert answer.status_code == 200
    assert [video["title"] for video in answer.json()] == ["dos", "uno"]
    assert set(answer.json()[0]) == {
        "id", "video_id", "title", "description", "status", "progress", "created_at", "uploaded_at", "processed_at",
        "processed_url", "poster_url", "votes", "failure", "notices",
    }  # fmt: skip


def test_an_own_video_is_shown_with_its_original(cast: Cast) -> None:
    video_id = cast.upload(cast.ana).json()["id"]
    body = cast.client.get(f"/api/videos/{video_id}", headers=cast.ana.headers).json()
    assert (body["user_id"], body["original_file_path"]) == (str(cast.ana.id), f"uploads/{video_id}.mp4")
    assert cast.client.get(body["original_url"]).content == MP4_HEAD
    problem(cast.client.get(body["original_url"].partition("?")[0]), 403, "media_link_expired")
    problem(cast.client.get(body["original_url"][:-1]), 403, "media_link_expired")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_only_the_owner_reaches_a_video(cast: Cast, method: str) -> None:
    video = cast.video(cast.ana)
    ask = cast.client.request
    problem(ask(method, f"/api/videos/{video}", headers=cast.carla.headers), 403, "not_your_video")
    problem(ask(method, f"/api/videos/{uuid.uuid4()}", headers=cast.ana.headers), 404, "video_not_found")
    problem(ask(method, "/api/videos/nonsense", headers=cast.ana.headers), 404, "video_not_found")
    problem(ask(method, f"/api/videos/{video}"), 401, "not_authenticated")


def test_a_deleted_upload_leaves_no_bytes(cast: Cast, app: FastAPI) -> None:
    video_id = cast.upload(cast.ana).json()["id"]
    answer = cast.client.delete(f"/api/videos/{video_id}", headers=cast.ana.headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert stored(app) == []
    problem(cast.client.get(f"/api/videos/{video_id}", headers=cast.ana.headers), 404, "video_not_found")


@pytest.mark.parametrize(
    ("form", "field", "code"),
    [
        ({"title": ""}, "title", "empty"),
        ({"title": "   "}, "title", "empty"),
        ({"title": "x" * 201}, "title", "too_long"),
        ({"title": "x" * 70_000}, "title", "too_long"),
        ({"title": "a\x00b"}, "title", "bad_characters"),
        ({"title": b"\xff\xfe"}, "title", "bad_characters"),
        ({"description": "x" * 5001}, "description", "too_long"),
        ({"description": "a\x00b"}, "description", "bad_characters"),
    ],
)
def test_a_bad_form_field_is_named_and_nothing_stays(
    cast: Cast, app: FastAPI, form: dict[str, Any], field: str, code: str
) -> None:
    body = problem(cast.upload(cast.ana, form=form), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in body["errors"]] == [(field, code)]
    assert stored(app) == []


def test_missing_parts_are_named(cast: Cast, app: FastAPI) -> None:
    def errors(**request: Any) -> list[tuple[str, str]]:
        answer = cast.client.post("/api/videos/upload", headers=cast.ana.headers, **request)
        return [(error["field"], error["code"]) for error in problem(answer, 422, "invalid_fields")["errors"]]

    assert errors(files={"other": b"x"}) == [("file", "missing"), ("title", "missing")]
    assert errors(files={"file": ("a.mp4", b"")}, data={"title": "t"}) == [("file", "empty")]
    assert errors(files={"file": ("a.mp4", MP4_HEAD)}) == [("title", "missing")]
    two = [("file", ("a.mp4", MP4_HEAD)), ("video_file", ("b.mp4", MP4_HEAD))]
    assert errors(files=two, data={"title": "t"}) == [("video_file", "only_one")]
    assert stored(app) == []


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(300), "a picture (JPEG)"),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "a picture (PNG)"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "a playlist"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "a playlist"),
        (b"<!doctype html><script>alert(1)</script>", "a web page"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(300), "sound (WAV)"),
    ],
)
def test_what_is_no_video_by_content_is_told_what_it_looks_like(
    cast: Cast, app: FastAPI, data: bytes, looks_like: str
) -> None:
    body = problem(cast.upload(cast.ana, data, name="clip.mp4"), 415, "not_a_video")
    assert f"it looks like {looks_like}. " in body["detail"]
    assert stored(app) == []


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary="])
def test_a_body_without_boundary_is_400(cast: Cast, content_type: str) -> None:
    answer = cast.client.post(
        "/api/videos/upload", content=b"x", headers=cast.ana.headers | {"Content-Type": content_type}
    )
    problem(answer, 400, "not_multipart")


@pytest.mark.parametrize("body", [b"", b"nonsense", b"--b\r\nContent-Disposition", b"--b--\r\nrest", b"--c\r\n\r\n"])
def test_a_broken_multipart_body_is_refused(cast: Cast, app: FastAPI, body: bytes) -> None:
    headers = cast.ana.headers | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = cast.client.post("/api/videos/upload", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert stored(app) == []


def test_a_repeated_idempotency_key_gives_the_same_video_once(cast: Cast, app: FastAPI) -> None:
    key = {"Idempotency-Key": "phone-1"}
    first, again = cast.upload(cast.ana, headers=key), cast.upload(cast.ana, headers=key)
    assert first.json() == again.json()
    assert again.status_code == 202
    assert len(stored(app)) == 1
    problem(cast.upload(cast.ana, title="Otro", headers=key), 422, "idempotency_key_reused")
    problem(cast.upload(cast.ana, MP4_HEAD + b"x", headers=key), 422, "idempotency_key_reused")
    assert cast.upload(cast.beto, headers=key).json()["id"] != first.json()["id"]
    assert len(stored(app)) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "ñ"])
def test_a_bad_idempotency_key_is_named(cast: Cast, key: str) -> None:
    body = problem(cast.upload(cast.ana, headers={"Idempotency-Key": key.encode()}), 422, "invalid_fields")
    assert body["errors"][0]["field"] == "Idempotency-Key"


def test_the_same_upload_at_once_by_one_key_is_one_video(cast: Cast, app: FastAPI) -> None:
    ana = cast.ana
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cast.upload(ana, headers={"Idempotency-Key": "k"}), range(8)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(stored(app)) == 1


def test_a_key_whose_first_video_is_deleted_meanwhile_is_free_again(
    cast: Cast, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted between the insert that meets it and the look at it."""
    key = {"Idempotency-Key": "k"}
    first = cast.upload(cast.ana, headers=key).json()["id"]
    look = repository.by_idempotency_key

    def deleted_before(session: Session, player_id: uuid.UUID, wanted: str | None) -> Video | None:
        session.execute(delete(Video).where(Video.id == uuid.UUID(first)))
        return look(session, player_id, wanted)

    monkeypatch.setattr("anb.videos.repository.by_idempotency_key", deleted_before)
    again = cast.upload(cast.ana, headers=key)
    assert (again.status_code, again.json()["id"] != first) == (202, True)
    assert app.state.storage.exists(f"{ORIGINALS}/{again.json()['id']}.mp4")


def test_bytes_stay_when_the_connection_breaks_during_the_commit(
    cast: Cast, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row may be there: then it needs them, else the sweep removes them."""

    def broken(*_: object) -> None:
        raise OperationalError("COMMIT", {}, OSError("the connection is lost"), connection_invalidated=True)

    monkeypatch.setattr("anb.videos.repository.add", broken)
    assert cast.upload(cast.ana).status_code == 503
    assert len(stored(app)) == 1


def test_a_row_that_cannot_be_written_takes_its_bytes_along(
    cast: Cast, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("INSERT", {}, OSError("the database refuses"))

    monkeypatch.setattr("anb.videos.repository.add", broken)
    assert cast.upload(cast.ana).status_code == 503
    assert stored(app) == []


@pytest.fixture
def strict(settings: Settings) -> FastAPI:
    return create_app(settings.model_copy(update={"max_upload_bytes": 1_000_000}))


def test_a_file_over_the_limit_is_413_declared_or_discovered(strict: FastAPI, cast: Cast) -> None:
    with TestClient(strict, headers={"Accept-Language": "en"}) as client:
        over = {"file": ("a.mp4", MP4_HEAD + bytes(1_000_000))}
        answer = client.post("/api/videos/upload", headers=cast.ana.headers, files=over, data={"title": "t"})
        problem(answer, 413, "video_too_large")
        exact = {"file": ("a.mp4", MP4_HEAD + bytes(1_000_000 - len(MP4_HEAD)))}
        assert client.post(
            "/api/videos/upload", headers=cast.ana.headers, files=exact, data={"title": "t"}
        ).status_code == 202  # fmt: skip
    assert len(stored(strict)) == 1


def raw_upload(person: Person, length: int | None, body: bytes) -> bytes:
    framing = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
    return (
        f"POST /api/videos/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {person.token}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\n{framing}\r\n\r\n"
    ).encode() + body


FORM_START = (
    b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
)


def test_a_declared_size_over_the_limit_is_refused_before_the_body(strict: FastAPI, cast: Cast) -> None:
    with serving(strict) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(raw_upload(cast.ana, 50_000_000, b""))
        assert b" 413 " in answer_on(connection)


def test_a_discovered_size_over_the_limit_is_refused_at_once_and_nothing_stays(strict: FastAPI, cast: Cast) -> None:
    chunk = b"f4240\r\n" + MP4_HEAD + bytes(1_000_000 - len(MP4_HEAD)) + b"\r\n"
    with serving(strict) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        head = b"%x\r\n%s\r\n" % (len(FORM_START), FORM_START)
        connection.sendall(raw_upload(cast.ana, None, head) + chunk + chunk)
        assert b" 413 " in answer_on(connection)
    assert stored(strict) == []


def test_what_is_in_no_field_of_ours_is_limited_too(strict: FastAPI, cast: Cast) -> None:
    """A hundred-gigabyte field of another name, sent without a declared length."""
    start = b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\n'
    piece = b"%x\r\n%s\r\n" % (700_000, bytes(700_000))
    with serving(strict) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(raw_upload(cast.ana, None, b"%x\r\n%s\r\n" % (len(start), start)) + piece + piece)
        assert b" 413 " in answer_on(connection)
    assert stored(strict) == []


def test_a_disk_that_fills_up_during_an_upload_is_507_and_nothing_stays(
    cast: Cast, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("anb.storage.local.os.fsync", full)
    problem(cast.upload(cast.ana), 507, "no_room")
    assert stored(app) == []


@pytest.mark.parametrize("cut", [0, 60, len(FORM_START), len(FORM_START) + 100, len(FORM_START) + 3_000_000])
def test_a_body_that_is_cut_off_is_400_and_its_file_is_gone(app: FastAPI, cast: Cast, cut: int) -> None:
    body = (FORM_START + MP4_HEAD + bytes(4_000_000))[:cut]
    with serving(app) as port:
        answer = talk(port, raw_upload(cast.ana, 5_000_000, body))
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"body_cut_off" in answer
    assert stored(app) == []


def test_a_client_that_vanishes_in_the_middle_leaves_no_file(app: FastAPI, cast: Cast) -> None:
    with serving(app) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            connection.sendall(raw_upload(cast.ana, 5_000_000, FORM_START + MP4_HEAD + bytes(3_000_000)))
        until(lambda: stored(app) == [])


def test_a_disk_below_its_reserve_is_507_before_the_body_and_ready_says_so(settings: Settings, cast: Cast) -> None:
    full = create_app(settings.model_copy(update={"disk_reserve_bytes": 10**18}))
    with serving(full) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(raw_upload(cast.ana, 1000, b""))
        assert b" 507 " in answer_on(connection)
    with TestClient(full) as client:
        ready = client.get("/ready")
    assert ready.status_code == 503
    assert ready.json()["parts"]["disk"]["ok"] is False


def test_an_upload_is_taken_while_the_broker_is_away(settings: Settings, cast: Cast, database: Database) -> None:
    away = create_app(settings.model_copy(update={"celery_broker_url": "redis://127.0.0.1:1/0"}))
    with TestClient(away) as client:
        answer = client.post(
            "/api/videos/upload", headers=cast.ana.headers, files={"file": MP4_HEAD}, data={"title": "t"}
        )
        assert answer.status_code == 202
        ready = client.get("/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["parts"]["broker"]["ok"] is False
    with database.read() as session:
        assert session.query(Video).one().status == "pending"


def test_what_is_stored_is_what_was_sent(cast: Cast, app: FastAPI, database: Database) -> None:
    data = MP4_HEAD + bytes(range(256)) * 20_000
    cast.upload(cast.ana, data)
    digest = hashlib.sha256(data).hexdigest()
    assert hashlib.sha256(stored(app)[0].read_bytes()).hexdigest() == digest
    with database.read() as session:
        video = session.query(Video).one()
    assert (video.original_sha256, video.original_bytes) == (digest, len(data))
    assert video.original_key.startswith(f"{ORIGINALS}/")


def test_a_body_that_falls_silent_is_given_up(app: FastAPI, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anb.videos.upload_policy.LONGEST_SILENCE_S", 0.2)
    with serving(app) as port:
        started = raw_upload(cast.ana, 5_000_000, FORM_START + MP4_HEAD + bytes(2_000_000))
        answer = talk(port, started, half_close=False)
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert stored(app) == []


def test_a_form_of_very_many_parts_is_refused(cast: Cast, app: FastAPI) -> None:
    parts = {f"part{number}": "x" for number in range(60)}
    problem(cast.upload(cast.ana, form=parts), 400, "malformed_request")
    assert stored(app) == []


def test_what_a_later_release_wrote_of_a_video_keeps_no_list_from_being_read(cast: Cast, database: Database) -> None:
    """It came back to this one."""
    video_id = cast.video(cast.ana)
    with database.write() as session:
        later = {"notices": ["sound_left_out", "of_a_later_release"], "failure_code": "of_a_later_release"}
        session.execute(update(Video).where(Video.id == video_id).values(later))
    (video,) = cast.client.get("/api/videos", headers=cast.ana.headers).json()
    assert [notice["code"] for notice in video["notices"]] == ["sound_left_out"]
    assert video["failure"]["code"] == "of_a_later_release"
    assert video["failure"]["detail"]
