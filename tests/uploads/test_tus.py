"""The protocol, request by request (tus 1.0.0)."""

import errno
import hashlib
import os
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, select, update
from starlette.testclient import TestClient

from anb.api import create_app
from anb.db import Database
from anb.settings import Settings
from anb.uploads.models import Upload
from anb.uploads.service import Uploads
from anb.uploads.staging import StagedFile, Staging
from anb.uploads.sweep import UploadSweeper
from anb.videos.models import Video
from tests.cast import MP4_HEAD, Cast, Person, problem
from tests.uploads.speaker import STREAM, VIDEO, Tus, checksum, metadata, upload_id


@pytest.fixture
def ana(client: TestClient, cast: Cast) -> Tus:
    return Tus(client, cast.ana)


def files(app: FastAPI) -> dict[str, bytes]:
    root: Path = app.state.storage.root
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def videos(database: Database) -> list[Video]:
    with database.read() as session:
        return list(session.scalars(select(Video)))


def test_a_video_in_two_pieces_is_one_upload_and_one_video(ana: Tus, app: FastAPI, database: Database) -> None:
    created = ana.begin()
    assert (created.status_code, created.headers["Upload-Offset"], created.content) == (201, "0", b"")
    url = created.headers["Location"]
    assert url.startswith("/api/uploads/")
    piece = ana.append(url, 0, VIDEO[:5000])
    assert (piece.status_code, piece.headers["Upload-Offset"], piece.content) == (204, "5000", b"")
    assert "Anb-Video-Id" not in piece.headers
    assert videos(database) == []
    assert ana.offset(url) == 5000
    last = ana.append(url, 5000, VIDEO[5000:])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(VIDEO)))
    [video] = videos(database)
    assert last.headers["Anb-Video-Id"] == str(video.id)
    assert (video.title, video.description, video.status) == ("Mi mejor triple", "", "pending")
    assert (video.original_sha256, video.original_bytes) == (hashlib.sha256(VIDEO).hexdigest(), len(VIDEO))
    assert files(app) == {video.original_key: VIDEO}
    assert video.original_key == f"uploads/{video.id}.mp4"
    for answer, hours in ((created, 1), (piece, 24), (last, 24)):
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        kept = parsedate_to_datetime(answer.headers["Upload-Expires"]) - datetime.now(UTC)
        assert timedelta(hours=hours - 0.5) < kept <= timedelta(hours=hours)


def test_who_lost_the_last_answer_may_ask_what_became_of_it(ana: Tus, database: Database) -> None:
    url = ana.url()
    shown = ana.ask("GET", url, Tus_Resumable=None)
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.json() | {"expires_at": ""} == {
        "id": upload_id(url), "offset": 0, "length": len(VIDEO), "video_id": None, "expires_at": "",
        "title": "Mi mejor triple",
    }  # fmt: skip
    ana.append(url, 0, VIDEO)
    shown = ana.ask("GET", url).json()
    assert (shown["offset"], shown["video_id"]) == (len(VIDEO), str(videos(database)[0].id))
    looked = ana.ask("HEAD", url)
    assert (looked.headers["Upload-Offset"], looked.headers["Anb-Video-Id"]) == (str(len(VIDEO)), shown["video_id"])
    again = ana.append(url, len(VIDEO), b"")
    assert (again.status_code, again.headers["Anb-Video-Id"]) == (204, shown["video_id"])
    problem(ana.append(url, 0, VIDEO), 409, "wrong_offset")
    assert len(videos(database)) == 1


def test_head_tells_where_to_go_on_and_is_not_kept(ana: Tus) -> None:
    answer = ana.ask("HEAD", ana.url())
    assert answer.status_code == 200
    told = {name: answer.headers[name] for name in ("Upload-Offset", "Upload-Length", "Cache-Control", "Tus-Resumable")}
    assert told == {"Upload-Offset": "0", "Upload-Length": str(len(VIDEO)), "Cache-Control": "no-store",
                    "Tus-Resumable": "1.0.0"}  # fmt: skip
    assert answer.headers["Upload-Metadata"] == metadata(title="Mi mejor triple", filename="clip.mp4")


@pytest.mark.parametrize("path", ["/api/uploads", "/api/uploads/", f"/api/uploads/{uuid.UUID(int=0)}"])
def test_options_tell_what_the_server_can_without_asking_who(client: TestClient, settings: Settings, path: str) -> None:
    answer = client.options(path)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,creation-with-upload,termination,expiration,checksum"
    assert answer.headers["Tus-Max-Size"] == str(settings.max_upload_bytes)
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.0,2.0.0"])
def test_another_version_of_the_protocol_is_412_and_nothing_happens(
    ana: Tus, database: Database, version: str | None
) -> None:
    answer = ana.begin(Tus_Resumable=version)
    problem(answer, 412, "tus_version")
    assert answer.headers["Tus-Version"] == "1.0.0"
    url = ana.url()
    problem(ana.append(url, 0, VIDEO, Tus_Resumable=version), 412, "tus_version")
    assert ana.offset(url) == 0


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Upload_Length": None}, 400, "bad_header"),
        ({"Upload_Length": "-1"}, 400, "bad_header"),
        ({"Upload_Length": "1e3"}, 400, "bad_header"),
        ({"Upload_Length": "9" * 30}, 400, "bad_header"),
        ({"Upload_Length": "0"}, 422, "invalid_fields"),
        ({"Upload_Length": str(100 * 1024 * 1024 + 1)}, 413, "video_too_large"),
        ({"Upload_Defer_Length": "1", "Upload_Length": None}, 400, "tus_extension"),
        ({"Upload_Concat": "partial"}, 400, "tus_extension"),
        ({"Upload_Metadata": None}, 422, "invalid_fields"),
        ({"Upload_Metadata": "title ***"}, 400, "bad_header"),
        ({"Upload_Metadata": metadata(title="x" * 201)}, 422, "invalid_fields"),
        ({"Upload_Metadata": metadata(title=b"\xff")}, 422, "invalid_fields"),
        ({"Upload_Metadata": metadata(title="t", description="a\x00")}, 422, "invalid_fields"),
        ({"Authorization": None}, 401, "not_authenticated"),
        ({"Authorization": "Bearer nonsense"}, 401, "not_authenticated"),
    ],
)
def test_an_upload_that_cannot_become_a_video_is_refused_at_its_begin(
    ana: Tus, app: FastAPI, headers: dict[str, Any], status: int, code: str
) -> None:
    problem(ana.begin(**headers), status, code)
    assert files(app) == {}


def test_a_vanished_account_begins_nothing(client: TestClient, app: FastAPI) -> None:
    token = app.state.signer.player_token(uuid.uuid4())
    problem(Tus(client, Person(uuid.uuid4(), "", token)).begin(), 401, "not_authenticated")


def test_who_lost_the_addresses_of_uploads_finds_those_that_can_be_gone_on_with(
    ana: Tus, cast: Cast, client: TestClient, app: FastAPI, database: Database
) -> None:
    older, finished, expired, newer = (ana.url() for _ in range(4))
    ana.append(newer, 0, VIDEO[:100])
    ana.append(finished, 0, VIDEO)
    with database.write() as session:
        past = update(Upload).where(Upload.id == uuid.UUID(upload_id(expired)))
        session.execute(past.values(expires_at=datetime.now(UTC) - timedelta(hours=1)))
    answer = client.get("/api/uploads", headers=cast.ana.headers)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert [(one["id"], one["offset"], one["length"], one["title"]) for one in answer.json()] == [
        (upload_id(newer), 100, len(VIDEO), "Mi mejor triple"), (upload_id(older), 0, len(VIDEO), "Mi mejor triple"),
    ]  # fmt: skip
    assert answer.json()[0] == client.get(newer, headers=cast.ana.headers).json()
    assert client.get("/api/uploads", headers=cast.beto.headers).json() == []
    staging: Staging = app.state.uploads.staging
    staging.remove(uuid.UUID(upload_id(newer)))
    shown = client.get("/api/uploads", headers=cast.ana.headers).json()
    assert [one["offset"] for one in shown] == [0, 0], "what counts is shown, also when its bytes are gone"
    problem(client.get("/api/uploads"), 401, "not_authenticated")


@pytest.mark.parametrize("method", ["HEAD", "GET", "PATCH", "DELETE"])
def test_a_strangers_upload_is_none(ana: Tus, cast: Cast, client: TestClient, method: str) -> None:
    url = ana.url()
    carla = Tus(client, cast.carla)
    patch = {"Upload_Offset": "0", "Content_Type": STREAM}
    for who, path, status in (
        (carla, url, 404),
        (ana, f"/api/uploads/{uuid.uuid4()}", 404),
        (ana, "/api/uploads/nonsense", 404),
        (ana, f"/api/uploads/{upload_id(url).upper()}x", 404),
    ):
        assert who.ask(method, path, VIDEO if method == "PATCH" else None, **patch).status_code == status
    assert client.request(method, url, headers={"Tus-Resumable": "1.0.0"}).status_code == 401
    assert ana.offset(url) == 0


@pytest.mark.parametrize(
    ("offset", "headers", "status", "code"),
    [
        ("1", {}, 409, "wrong_offset"),
        ("", {}, 400, "bad_header"),
        ("-1", {}, 400, "bad_header"),
        ("0", {"Upload_Offset": None}, 400, "bad_header"),
        ("0", {"Content_Type": "video/mp4"}, 415, "not_offset_stream"),
        ("0", {"Content_Type": None}, 415, "not_offset_stream"),
        ("0", {"Upload_Checksum": "crc32 AAAA"}, 400, "bad_header"),
        ("0", {"Upload_Checksum": "sha1 ***"}, 400, "bad_header"),
    ],
)
def test_a_piece_that_does_not_fit_changes_nothing(
    ana: Tus, offset: str, headers: dict[str, str | None], status: int, code: str
) -> None:
    url = ana.url()
    problem(ana.append(url, offset, VIDEO[:100], **headers), status, code)
    assert ana.offset(url) == 0


def in_chunks(*chunks: bytes) -> Any:
    """A body whose length is not declared."""
    yield from chunks


def test_more_bytes_than_declared_are_refused_before_they_are_written(ana: Tus) -> None:
    url = ana.url(300)
    problem(ana.append(url, 0, VIDEO[:301]), 413, "longer_than_declared")
    problem(ana.append(url, 0, in_chunks(VIDEO[:200], VIDEO[200:400])), 413, "longer_than_declared")
    assert ana.offset(url) == 0


@pytest.mark.parametrize("begun_with_body", [False, True])
@pytest.mark.parametrize("length", [100, 300_000])
def test_what_is_no_video_is_told_so_early_and_forgotten(
    ana: Tus, app: FastAPI, database: Database, begun_with_body: bool, length: int
) -> None:
    jpeg = (b"\xff\xd8\xff\xe0" + bytes(5000))[:length]
    if begun_with_body:
        problem(ana.begin(length, jpeg), 415, "not_a_video")
    else:
        url = ana.url(length)
        problem(ana.append(url, 0, jpeg), 415, "not_a_video")
        assert ana.ask("HEAD", url).status_code == 404
    assert (files(app), videos(database)) == ({}, [])


def test_a_video_that_comes_byte_by_byte_is_recognised(ana: Tus, database: Database) -> None:
    url = ana.url(len(MP4_HEAD))
    for at in range(0, len(MP4_HEAD), 40):
        assert ana.append(url, at, MP4_HEAD[at : at + 40]).status_code == 204
    assert len(videos(database)) == 1


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_damaged_piece_is_460_and_discarded(ana: Tus, app: FastAPI, database: Database, algorithm: str) -> None:
    url = ana.url()
    good = checksum(VIDEO[:600], algorithm)
    assert ana.append(url, 0, VIDEO[:600], Upload_Checksum=good).status_code == 204
    problem(ana.append(url, 600, VIDEO[600:], Upload_Checksum=good), 460, "checksum_mismatch")
    assert ana.offset(url) == 600
    last = ana.append(url, 600, VIDEO[600:], Upload_Checksum=checksum(VIDEO[600:], algorithm))
    assert last.headers["Anb-Video-Id"]
    assert files(app) == {videos(database)[0].original_key: VIDEO}


def test_creation_with_upload_takes_all_or_part_of_it(ana: Tus, database: Database) -> None:
    part = ana.begin(content=VIDEO[:700])
    assert (part.status_code, part.headers["Upload-Offset"]) == (201, "700")
    assert parsedate_to_datetime(part.headers["Upload-Expires"]) > datetime.now(UTC) + timedelta(hours=23)
    assert ana.append(part.headers["Location"], 700, VIDEO[700:]).headers["Anb-Video-Id"]
    whole = ana.begin(content=VIDEO, Upload_Checksum=checksum(VIDEO))
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, str(len(VIDEO)))
    assert whole.headers["Anb-Video-Id"] in {str(video.id) for video in videos(database)}
    assert len(videos(database)) == 2


def test_who_never_heard_where_an_upload_is_begins_it_once_more_with_its_key(ana: Tus, database: Database) -> None:
    first = ana.begin(content=VIDEO[:5000], Idempotency_Key="k1")
    again = ana.begin(content=VIDEO[:5000], Idempotency_Key="k1")
    assert (again.status_code, again.headers["Upload-Offset"]) == (201, "5000")
    assert again.headers["Location"] == first.headers["Location"]
    ana.append(again.headers["Location"], 5000, VIDEO[5000:])
    done = ana.begin(content=VIDEO[:5000], Idempotency_Key="k1")
    [video] = videos(database)
    assert (done.headers["Upload-Offset"], done.headers["Anb-Video-Id"]) == (str(len(VIDEO)), str(video.id))
    assert ana.begin(Idempotency_Key="k2").headers["Location"] != first.headers["Location"]
    ana.client.delete(f"/api/videos/{video.id}", headers=ana.headers)
    assert ana.begin(Idempotency_Key="k1").headers["Location"] != first.headers["Location"], "the key is free"


def test_the_key_of_an_expired_upload_begins_another(ana: Tus, database: Database) -> None:
    first = ana.begin(Idempotency_Key="k1").headers["Location"]
    with database.write() as session:
        session.execute(update(Upload).values(expires_at=datetime.now(UTC) - timedelta(hours=1)))
    again = ana.begin(Idempotency_Key="k1")
    assert (again.status_code, again.headers["Location"] != first) == (201, True)


def test_a_key_is_its_players_and_names_one_file(ana: Tus, cast: Cast, client: TestClient) -> None:
    location = ana.begin(Idempotency_Key="k1").headers["Location"]
    problem(ana.begin(len(VIDEO) + 1, Idempotency_Key="k1"), 422, "idempotency_key_reused")
    other = metadata(title="Otro")
    problem(ana.begin(Idempotency_Key="k1", Upload_Metadata=other), 422, "idempotency_key_reused")
    problem(ana.begin(Idempotency_Key="k" * 256), 422, "invalid_fields")
    assert Tus(client, cast.beto).begin(Idempotency_Key="k1").headers["Location"] != location


def test_a_beginning_that_is_repeated_takes_no_more_of_the_quota_or_the_disk(
    ana: Tus, cast: Cast, settings: Settings
) -> None:
    location = ana.begin(Idempotency_Key="k1").headers["Location"]
    full = {"max_unfinished_videos": 1, "disk_reserve_bytes": 10**18}
    with TestClient(create_app(settings.model_copy(update=full))) as client:
        assert Tus(client, cast.ana).begin(Idempotency_Key="k1").headers["Location"] == location
        problem(Tus(client, cast.ana).begin(Idempotency_Key="k2"), 429, "too_many_unfinished")


def test_twenty_beginnings_at_once_with_one_key_are_one_upload(ana: Tus, app: FastAPI) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ana.begin(Idempotency_Key="k1"), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len(files(app)) == 1


def test_a_damaged_creation_with_upload_leaves_nothing(ana: Tus, app: FastAPI) -> None:
    problem(ana.begin(content=VIDEO, Upload_Checksum=checksum(b"")), 460, "checksum_mismatch")
    assert files(app) == {}


def test_termination_removes_bytes_and_row(ana: Tus, app: FastAPI, database: Database) -> None:
    url = ana.url()
    ana.append(url, 0, VIDEO[:500])
    answer = ana.ask("DELETE", url)
    assert (answer.status_code, answer.content, answer.headers["Tus-Resumable"]) == (204, b"", "1.0.0")
    assert files(app) == {}
    for method in ("HEAD", "PATCH", "DELETE"):
        assert ana.ask(method, url, Upload_Offset="0", Content_Type=STREAM).status_code == 404


def test_an_upload_that_is_a_video_by_now_is_not_given_up_but_says_how_that_is_deleted(
    ana: Tus, app: FastAPI, database: Database
) -> None:
    url = ana.begin(content=VIDEO).headers["Location"]
    refused = problem(ana.ask("DELETE", url, Accept_Language="en"), 403, "upload_is_video")
    [video] = videos(database)
    assert f"DELETE /api/videos/{video.id}" in refused["detail"]
    assert ana.ask("HEAD", url).headers["Anb-Video-Id"] == str(video.id)
    assert ana.ask("DELETE", f"/api/videos/{video.id}").status_code == 204
    problem(ana.ask("DELETE", url), 404, "upload_not_found")
    assert files(app) == {}


@pytest.mark.parametrize(
    ("meets", "deleted", "sent", "made"),
    [("_store", 204, 404, 0), ("finish", 403, 204, 1)],
    ids=["before the video is registered", "before its answer is given"],
)
def test_of_a_termination_and_a_last_piece_that_meet_one_wins_and_both_hear_it(
    ana: Tus, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch, meets: str, deleted: int, sent: int,
    made: int,
) -> None:  # fmt: skip
    url, answers = ana.url(), []
    step = getattr(Uploads, meets)

    def then_terminated(uploads: Uploads, *more: Any) -> Any:
        result = step(uploads, *more)
        answers.append(ana.ask("DELETE", url).status_code)
        return result

    monkeypatch.setattr(Uploads, meets, then_terminated)
    last = ana.append(url, 0, VIDEO)
    assert (answers, last.status_code, len(videos(database))) == ([deleted], sent, made)
    assert len(files(app)) == made
    assert last.headers.get("Anb-Video-Id") == (upload_id(url) if made else None)


def test_clients_behind_a_narrow_proxy_name_the_method_in_a_header(ana: Tus) -> None:
    url = ana.url()
    patch = {"Upload_Offset": "0", "Content_Type": STREAM, "X_HTTP_Method_Override": "PATCH"}
    assert ana.ask("POST", url, VIDEO[:500], **patch).headers["Upload-Offset"] == "500"
    assert ana.ask("POST", url, X_HTTP_Method_Override="HEAD").headers["Upload-Offset"] == "500"
    assert ana.ask("POST", url, X_HTTP_Method_Override="DELETE").status_code == 204
    problem(ana.ask("POST", url), 405, "method_not_allowed")


def expire(database: Database, url: str) -> None:
    with database.write() as session:
        gone = datetime.now(UTC) - timedelta(seconds=1)
        session.execute(update(Upload).where(Upload.id == uuid.UUID(upload_id(url))).values(expires_at=gone))


@pytest.fixture
def sweeper(app: FastAPI) -> UploadSweeper:
    return UploadSweeper(app.state.uploads, lambda _: True, orphan_age_s=3600)


def test_an_expired_upload_is_410_and_swept_away(
    ana: Tus, app: FastAPI, database: Database, sweeper: UploadSweeper
) -> None:
    url, living = ana.url(), ana.url()
    ana.append(url, 0, VIDEO[:500])
    expire(database, url)
    problem(ana.append(url, 500, VIDEO[500:]), 410, "upload_expired")
    assert ana.ask("HEAD", url).status_code == 410
    sweeper.sweep()
    assert ana.ask("HEAD", url).status_code == 404
    assert files(app) == {f"incoming/{upload_id(living)}": b""}
    ana.append(living, 0, VIDEO)
    expire(database, living)
    sweeper.sweep()
    assert ana.ask("HEAD", living).status_code == 404
    assert len(videos(database)) == 1


def test_an_upload_that_is_being_written_is_not_swept(
    ana: Tus, app: FastAPI, database: Database, sweeper: UploadSweeper
) -> None:
    """A phone that sends the body of its creation for longer than an upload without a byte may live."""
    url = ana.url()
    ana.append(url, 0, VIDEO[:500])
    expire(database, url)
    held = app.state.uploads.staging.hold(uuid.UUID(upload_id(url)))
    sweeper.sweep()
    with database.read() as session:
        assert session.get(Upload, uuid.UUID(upload_id(url))) is not None
    held.close()
    sweeper.sweep()
    with database.read() as session:
        assert session.get(Upload, uuid.UUID(upload_id(url))) is None


def test_an_upload_that_cannot_be_swept_keeps_no_other_waiting(
    ana: Tus, app: FastAPI, database: Database, sweeper: UploadSweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [ana.url() for _ in range(3)]
    for url in urls:
        expire(database, url)
    remove, stuck = Staging.remove, uuid.UUID(upload_id(urls[1]))

    def failing(staging: Staging, one: uuid.UUID) -> None:
        if one == stuck:
            raise OSError(errno.EIO, "a disk with a hole")
        remove(staging, one)

    monkeypatch.setattr(Staging, "remove", failing)
    sweeper.sweep()
    assert files(app).keys() == {f"incoming/{stuck}"}


def test_five_hundred_that_cannot_be_swept_keep_no_other_waiting(
    ana: Tus, app: FastAPI, database: Database, sweeper: UploadSweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest expired come first in every sweep, and here they fail in every sweep."""
    urls = [ana.url() for _ in range(5)]
    stuck = {uuid.UUID(upload_id(url)) for url in urls[:4]}
    for age_s, url in enumerate(reversed(urls)):
        gone = datetime.now(UTC) - timedelta(seconds=10 + age_s // 2)  # two and two at one moment
        with database.write() as session:
            session.execute(update(Upload).where(Upload.id == uuid.UUID(upload_id(url))).values(expires_at=gone))
    hold = Staging.hold

    def failing(staging: Staging, one: uuid.UUID) -> StagedFile:
        if one in stuck:
            raise OSError(errno.EIO, "a disk with a hole")
        return hold(staging, one)

    monkeypatch.setattr(Staging, "hold", failing)
    monkeypatch.setattr("anb.uploads.sweep._LOOKED_UP_AT_ONCE", 2)
    sweeper.sweep()
    with database.read() as session:
        assert set(session.scalars(select(Upload.id))) == stuck


@pytest.mark.parametrize("broken", ["_now", "files"])
def test_a_staging_folder_without_an_inode_or_a_list_stops_no_expiry(
    ana: Tus, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    url = ana.url()
    app.state.uploads.staging.create(uuid.uuid4())  # without a row, and of an age that nobody can tell
    expire(database, url)

    def failing(_: Staging) -> Any:
        raise OSError(errno.ENOSPC, "no inode is left")

    monkeypatch.setattr(Staging, broken, failing)
    UploadSweeper(app.state.uploads, lambda _: True, orphan_age_s=-1).sweep()
    assert ana.ask("HEAD", url).status_code == 404
    assert len(files(app)) == 1


def test_a_whole_upload_becomes_a_video_beside_a_file_that_cannot_be_looked_at(
    ana: Tus, cast: Cast, dying: TestClient, database: Database, sweeper: UploadSweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable, whole = ana.url(), ana.url()
    with pytest.MonkeyPatch.context() as patch:
        dying_before(patch, "anb.uploads.repository.claim")
        assert Tus(dying, cast.ana).append(whole, 0, VIDEO).status_code == 500
    scandir = os.scandir

    class Unreadable:
        name = upload_id(unreadable)

        def stat(self) -> os.stat_result:
            raise OSError(errno.EIO, "a disk with a hole")

    def listed(folder: Path) -> Iterator[Any]:
        yield Unreadable()
        yield from (entry for entry in scandir(folder) if entry.name != Unreadable.name)

    monkeypatch.setattr("anb.uploads.staging.os.scandir", listed)
    sweeper.sweep()
    assert len(videos(database)) == 1


def test_who_terminates_an_upload_ends_its_writer_too(ana: Tus, app: FastAPI) -> None:
    url = ana.url()
    ana.append(url, 0, VIDEO[:500])
    held = app.state.uploads.staging.hold(uuid.UUID(upload_id(url)))
    assert ana.ask("DELETE", url).status_code == 204
    with pytest.raises(FileNotFoundError):
        held.write(b"bytes that nobody would see")
    held.close()


def test_an_upload_whose_video_was_deleted_is_gone_too(ana: Tus, cast: Cast, database: Database) -> None:
    url = ana.url()
    done = ana.append(url, 0, VIDEO)
    video_id = done.headers["Anb-Video-Id"]
    assert ana.ask("HEAD", url).headers["Anb-Video-Id"] == video_id
    with database.write() as session:
        session.execute(delete(Video).where(Video.id == uuid.UUID(video_id)))
    assert ana.ask("HEAD", url).status_code == 404


def test_each_piece_puts_the_expiry_off(ana: Tus, database: Database) -> None:
    url = ana.url()
    soon = datetime.now(UTC) + timedelta(minutes=1)
    with database.write() as session:
        session.execute(update(Upload).values(expires_at=soon))
    answer = ana.append(url, 0, VIDEO[:500])
    assert parsedate_to_datetime(answer.headers["Upload-Expires"]) > soon + timedelta(hours=1)


def dying_before(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """As if the process had been killed there: what stands after it never happens."""

    class KilledError(Exception):
        pass

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    monkeypatch.setattr(step, killed)


@pytest.fixture
def dying(client: TestClient) -> TestClient:
    """The same server, but its failures are answers."""
    return TestClient(client.app, raise_server_exceptions=False)


@pytest.mark.parametrize("rescuer", ["head", "get", "patch", "sweep"])
@pytest.mark.parametrize(
    "step",
    [
        "anb.storage.local.LocalStorage.put_file",
        "anb.uploads.repository.claim",
        "anb.videos.repository.add",
        "anb.uploads.staging.Staging.remove",
    ],
)
def test_a_death_between_the_last_byte_and_the_row_makes_one_video_all_the_same(
    ana: Tus, cast: Cast, app: FastAPI, dying: TestClient, database: Database, sweeper: UploadSweeper, step: str,
    rescuer: str,
) -> None:  # fmt: skip
    url = ana.url()
    with pytest.MonkeyPatch.context() as patch:
        dying_before(patch, step)
        assert Tus(dying, cast.ana).append(url, 0, VIDEO).status_code == 500
    assert len(videos(database)) == (1 if step.endswith("remove") else 0)
    rescue = {
        "head": lambda: ana.ask("HEAD", url),
        "get": lambda: ana.ask("GET", url),
        "patch": lambda: ana.append(url, len(VIDEO), b""),
        "sweep": sweeper.sweep,
    }
    rescue[rescuer]()
    [video] = videos(database)
    sweeper.sweep()
    assert ana.ask("GET", url).json()["video_id"] == str(video.id)
    assert files(app) == {video.original_key: VIDEO}
    assert video.original_sha256 == hashlib.sha256(VIDEO).hexdigest()


def test_twenty_last_pieces_at_once_make_one_video(ana: Tus, app: FastAPI, database: Database) -> None:
    url = ana.url()
    ana.append(url, 0, VIDEO[:5000])
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ana.append(url, 5000, VIDEO[5000:]).status_code, range(20)))
    assert set(answers) <= {204, 409, 423}
    assert answers.count(204) == 1
    [video] = videos(database)
    assert files(app) == {video.original_key: VIDEO}


def test_strays_of_a_death_are_swept_when_they_are_old(ana: Tus, app: FastAPI) -> None:
    app.state.uploads.staging.create(uuid.uuid4())  # its row was never committed
    UploadSweeper(app.state.uploads, lambda _: True, orphan_age_s=3600).sweep()
    assert len(files(app)) == 1
    UploadSweeper(app.state.uploads, lambda _: True, orphan_age_s=-1).sweep()
    assert files(app) == {}


def test_pieces_that_are_older_than_the_database_are_anothers_and_stay(
    ana: Tus, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.state.uploads.staging.create(uuid.uuid4())
    monkeypatch.setattr("anb.players.repository.begun_at", lambda _: None)  # a new database beside them
    UploadSweeper(app.state.uploads, lambda _: True, orphan_age_s=-1).sweep()
    assert len(files(app)) == 1


def test_an_upload_whose_bytes_are_gone_is_begun_anew(ana: Tus, app: FastAPI) -> None:
    url = ana.url()
    app.state.uploads.staging.path(uuid.UUID(upload_id(url))).unlink()
    assert ana.ask("HEAD", url).status_code == 404
    problem(ana.append(url, 0, VIDEO), 404, "upload_not_found")


def test_the_key_of_an_upload_whose_bytes_are_gone_begins_another(ana: Tus, app: FastAPI) -> None:
    lost = ana.begin(Idempotency_Key="k1").headers["Location"]
    app.state.uploads.staging.remove(uuid.UUID(upload_id(lost)))
    again = ana.begin(Idempotency_Key="k1")
    assert (again.status_code, again.headers["Location"] != lost) == (201, True)
    assert ana.begin(Idempotency_Key="k1").headers["Location"] == again.headers["Location"]


def test_a_share_that_is_asked_whether_an_upload_is_there_keeps_no_writer_waiting(
    ana: Tus, cast: Cast, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = cast.video(cast.ana)
    location = ana.begin(Idempotency_Key="k1").headers["Location"]
    has = Staging.has

    def slowly(staging: Staging, one: uuid.UUID) -> bool:
        vote = threading.Thread(target=cast.vote, args=(cast.beto, video_id), daemon=True)
        vote.start()
        vote.join(20)
        assert not vote.is_alive()
        return has(staging, one)

    monkeypatch.setattr(Staging, "has", slowly)
    assert ana.begin(Idempotency_Key="k1").headers["Location"] == location


def test_no_room_is_507_and_what_is_here_stays(ana: Tus, cast: Cast, settings: Settings) -> None:
    url = ana.url()
    ana.append(url, 0, VIDEO[:500])
    with TestClient(create_app(settings.model_copy(update={"disk_reserve_bytes": 10**18}))) as full:
        problem(Tus(full, cast.ana).append(url, 500, VIDEO[500:]), 507, "no_room")
        problem(Tus(full, cast.ana).begin(), 507, "no_room")
    assert ana.offset(url) == 500
