"""How much one player may have in hand: asked before the body, decided where the row is written."""

from base64 import b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, func, select, update
from tests.cast import MP4_HEAD, Cast, problem

from anb.api import create_app
from anb.settings import Settings
from anb.uploads.models import Upload
from anb.uploads.sweep import UploadSweeper
from anb.videos import service
from anb.videos.lifecycle import Status
from anb.videos.models import Arrival, Video
from anb.videos.upload_policy import Quota, Used, discard_error, quota_error

SIZE = len(MP4_HEAD)
QUOTA = Quota(unfinished=3, bytes_a_day=100)


@pytest.mark.parametrize(
    ("used", "more", "code"),
    [
        (Used(0, 0, 0), 0, None),
        (Used(2, 50, 9), 50, None),
        (Used(2, 50, 9), 51, "too_many_bytes"),
        (Used(0, 99, 9), 0, None),
        (Used(0, 100, 9), 0, "too_many_bytes"),
        (Used(3, 0, 0), 1, "too_many_unfinished"),
        (Used(3, 100, 9), 100, "too_many_unfinished"),
        (Used(0, 0, 0), 101, None),  # the first of the day, however large
    ],
)
def test_what_a_quota_refuses(used: Used, more: int, code: str | None) -> None:
    refusal = quota_error(QUOTA, used, more)
    assert (refusal and refusal.code) == code


@pytest.mark.parametrize(("used", "refused"), [(0, False), (100, False), (101, True)])
def test_pieces_that_may_be_thrown_away_are_refused_once_the_day_is_spent(used: int, refused: bool) -> None:
    assert bool(discard_error(QUOTA, Used(3, used, 9))) == refused


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    fields = {"max_unfinished_videos": 3, "max_bytes_a_day": 4 * SIZE, "max_upload_bytes": 2 * SIZE}
    return create_app(settings.model_copy(update=fields))


def finish_all(cast: Cast) -> None:
    with cast.database.write() as session:
        session.execute(update(Video).values(status=Status.FAILED))


def test_a_player_hears_what_to_do_when_enough_videos_wait(cast: Cast) -> None:
    ana = cast.ana
    assert [cast.upload(ana).status_code for _ in range(3)] == [202] * 3
    answer = cast.upload(cast.ana)
    assert "3 videos in process or half uploaded" in problem(answer, 429, "too_many_unfinished")["detail"]
    assert answer.headers["retry-after"] == "60"
    assert cast.upload(cast.beto).status_code == 202
    with cast.database.write() as session:
        first = session.scalars(select(Video.id).where(Video.player_id == ana.id)).first()
        session.execute(update(Video).where(Video.id == first).values(status=Status.PROCESSING))
    problem(cast.upload(cast.ana), 429, "too_many_unfinished")
    finish_all(cast)
    assert cast.upload(cast.ana).status_code == 202


def test_a_day_has_so_many_bytes(cast: Cast) -> None:
    for _ in range(4):
        assert cast.upload(cast.ana).status_code == 202
        finish_all(cast)
    answer = cast.upload(cast.ana)
    problem(answer, 429, "too_many_bytes")
    assert 86_390 <= int(answer.headers["retry-after"]) <= 86_400
    with cast.database.write() as session:
        session.execute(update(Arrival).values(at=datetime.now(UTC) - timedelta(hours=25)))
    assert cast.upload(cast.ana).status_code == 202


def test_of_twenty_uploads_at_once_as_many_are_taken_as_the_quota_has(
    cast: Cast, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them pass the first question, for none is registered yet."""
    monkeypatch.setattr(service, "require_quota", lambda *_: None)
    ana = cast.ana
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: cast.upload(ana, title=f"Triple {number}"), range(20)))
    assert Counter(answer.status_code for answer in answers) == {202: 3, 429: 17}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 429} == {"too_many_unfinished"}
    with cast.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Video)) == 3
    root: Path = app.state.storage.root
    assert len([path for path in root.rglob("*") if path.is_file()]) == 3


def test_who_repeats_a_lost_answer_is_not_refused_for_it(cast: Cast) -> None:
    first = cast.upload(cast.ana, headers={"Idempotency-Key": "one"})
    for _ in range(2):
        cast.upload(cast.ana)
    problem(cast.upload(cast.ana, headers={"Idempotency-Key": "other"}), 429, "too_many_unfinished")
    again = cast.upload(cast.ana, headers={"Idempotency-Key": "one"})
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


def begin(cast: Cast, length: int = SIZE) -> int:
    headers = cast.ana.headers | {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(length),
        "Upload-Metadata": f"title {b64encode(b'Triple').decode()}",
    }
    status: int = cast.client.post("/api/uploads", headers=headers).status_code
    return status


def test_resumable_uploads_on_their_way_count_from_their_beginning(cast: Cast, app: FastAPI) -> None:
    assert cast.upload(cast.ana).status_code == 202
    assert [begin(cast) for _ in range(3)] == [201, 201, 429]
    assert len(list(Path(app.state.settings.staging).iterdir())) >= 2
    with cast.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Upload)) == 2


def test_of_many_resumable_uploads_begun_at_once_as_many_begin_as_the_quota_has(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "require_quota", lambda *_: None)
    assert cast.ana
    with ThreadPoolExecutor(20) as pool:
        statuses = Counter(pool.map(lambda _: begin(cast), range(20)))
    assert statuses == {201: 3, 429: 17}


def test_the_one_shot_door_counts_resumable_uploads_too(cast: Cast) -> None:
    assert [begin(cast) for _ in range(2)] == [201, 201]
    assert cast.upload(cast.ana).status_code == 202
    problem(cast.upload(cast.ana), 429, "too_many_unfinished")
    assert begin(cast) == 429


def test_a_deletion_gives_no_bytes_back(cast: Cast) -> None:
    for _ in range(4):
        accepted = cast.upload(cast.ana)
        assert accepted.status_code == 202
        finish_all(cast)
        assert cast.client.delete(f"/api/videos/{accepted.json()['id']}", headers=cast.ana.headers).status_code == 204
    problem(cast.upload(cast.ana), 429, "too_many_bytes")


def test_an_upload_that_is_given_up_counts_with_what_came(cast: Cast) -> None:
    tus = cast.ana.headers | {
        "Tus-Resumable": "1.0.0",
        "Upload-Metadata": f"title {b64encode(b'Triple').decode()}",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Length": str(SIZE + 1),
    }
    for _ in range(3):
        begun = cast.client.post("/api/uploads", headers=tus, content=MP4_HEAD)
        assert begun.status_code == 201
        assert cast.client.delete(begun.headers["Location"], headers=tus).status_code == 204
    assert begin(cast, SIZE + 1) == 429
    assert begin(cast, SIZE) == 201


BAD_SUM = f"sha1 {b64encode(bytes(20)).decode()}"


def send(cast: Cast, url: str, content: Any, checksum: str | None = None) -> Any:
    tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    summed = {"Upload-Checksum": checksum} if checksum else {}
    return cast.client.patch(url, headers=cast.ana.headers | tus | summed, content=content)


def begun(cast: Cast, length: int = SIZE, **more: Any) -> Any:
    described = {"Upload-Metadata": f"title {b64encode(b'Triple').decode()}", "Upload-Length": str(length)}
    more["headers"] = cast.ana.headers | {"Tus-Resumable": "1.0.0"} | described | more.get("headers", {})
    return cast.client.post("/api/uploads", **more)


def test_pieces_that_are_discarded_again_and_again_spend_the_day(cast: Cast) -> None:
    """The quota is four times the video: three times what it has to be are thrown away, and one more."""
    url = begun(cast).headers["Location"]
    codes = [send(cast, url, MP4_HEAD, BAD_SUM).json()["code"] for _ in range(6)]
    assert codes == ["checksum_mismatch"] * 4 + ["too_many_bytes"] * 2
    assert int(send(cast, url, MP4_HEAD, BAD_SUM).headers["retry-after"]) > 0
    assert begin(cast) == 429
    assert send(cast, url, MP4_HEAD).status_code == 204  # what cannot be thrown away is welcome
    finish_all(cast)
    problem(cast.upload(cast.ana), 429, "too_many_bytes")
    assert cast.upload(cast.beto).status_code == 202


def test_what_is_longer_than_declared_and_has_a_checksum_is_discarded_and_counted(cast: Cast) -> None:
    url = begun(cast).headers["Location"]
    in_chunks = (part for part in (MP4_HEAD, b"more"))
    assert send(cast, url, in_chunks, BAD_SUM).status_code == 413
    assert arrived(cast) == [2 * SIZE + 4]


def test_what_was_discarded_stays_counted_when_the_upload_ends(cast: Cast) -> None:
    given_up, finished = (begun(cast).headers["Location"] for _ in range(2))
    for url in (given_up, finished):
        assert send(cast, url, MP4_HEAD[:10], BAD_SUM).status_code == 460
    tus = cast.ana.headers | {"Tus-Resumable": "1.0.0"}
    assert cast.client.delete(given_up, headers=tus).status_code == 204
    assert send(cast, finished, MP4_HEAD).status_code == 204
    damaged = {"Content-Type": "application/offset+octet-stream", "Upload-Checksum": BAD_SUM}
    assert begun(cast, content=MP4_HEAD, headers=damaged).status_code == 460
    assert arrived(cast) == sorted([10, 10 + SIZE, SIZE])


def arrived(cast: Cast) -> list[int]:
    with cast.database.read() as session:
        return sorted(session.scalars(select(Arrival.bytes)))


def test_an_upload_that_takes_more_than_a_day_counts_from_its_end(cast: Cast) -> None:
    url = begun(cast).headers["Location"]
    with cast.database.write() as session:
        session.execute(update(Arrival).values(at=datetime.now(UTC) - timedelta(hours=25)))
    assert send(cast, url, MP4_HEAD).status_code == 204
    for _ in range(3):
        finish_all(cast)
        assert cast.upload(cast.ana).status_code == 202
    finish_all(cast)
    problem(cast.upload(cast.ana), 429, "too_many_bytes")


def test_what_a_process_of_the_version_before_left_under_way_is_ended_by_the_sweep(cast: Cast, app: FastAPI) -> None:
    assert [begin(cast) for _ in range(3)] == [201] * 3
    with cast.database.write() as session:
        session.execute(delete(Upload))
    problem(cast.upload(cast.ana), 429, "too_many_unfinished")
    UploadSweeper(app.state.uploads, lambda _: True, 0).sweep()
    assert cast.upload(cast.ana).status_code == 202


def test_an_upload_that_a_process_of_the_version_before_began_is_counted_at_its_end(cast: Cast) -> None:
    tus = cast.ana.headers | {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    described = {"Upload-Metadata": f"title {b64encode(b'Triple').decode()}", "Upload-Length": str(SIZE)}
    for _ in range(4):
        url = cast.client.post("/api/uploads", headers=cast.ana.headers | {"Tus-Resumable": "1.0.0"} | described)
        with cast.database.write() as session:
            session.execute(delete(Arrival).where(Arrival.under_way))
        sent = cast.client.patch(url.headers["Location"], headers=tus | {"Upload-Offset": "0"}, content=MP4_HEAD)
        assert sent.status_code == 204
        finish_all(cast)
    problem(cast.upload(cast.ana), 429, "too_many_bytes")


def test_what_is_a_day_old_is_forgotten_by_the_sweep(cast: Cast, app: FastAPI) -> None:
    assert cast.upload(cast.ana).status_code == 202
    with cast.database.write() as session:
        session.execute(update(Arrival).values(at=datetime.now(UTC) - timedelta(hours=25)))
    UploadSweeper(app.state.uploads, lambda _: True, 0).sweep()
    with cast.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Arrival)) == 0
