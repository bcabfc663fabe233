"""Claim, lease, finish, sweep: with a stand-in for the conversion, which has tests of its own."""

import errno
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from anb import db
from anb.db import Database, now
from anb.players.models import Player
from anb.processing import repository, service
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.notices import Notice
from anb.processing.service import Workshop
from anb.processing.strays import are_ours
from anb.processing.sweep import ByteSweeper, RowSweeper
from anb.storage.base import ORIGINALS, RESULTS
from anb.storage.local import LocalStorage
from anb.videos import arrivals
from anb.videos.lifecycle import Status
from anb.videos.models import Arrival
from anb.worker import Shutdown
from tests.cast import Cast
from tests.processing.conftest import Converter, change, files, row


def test_a_pending_video_is_published_with_its_bytes(
    workshop: Workshop, database: Database, storage: LocalStorage, cast: Cast, video_id: uuid.UUID
) -> None:
    assert workshop.process(video_id) == "completed"
    video = row(database, video_id)
    assert (video.status, video.progress, video.attempt, video.failures) == ("completed", 100, 1, 0)
    assert files(storage) == {f"uploads/{video_id}.mp4", f"processed/{video_id}.1.mp4", f"processed/{video_id}.1.jpg"}
    ranking = cast.client.get("/api/public/rankings").json()["rankings"]
    assert [entry["video_id"] for entry in ranking] == [str(video_id)]


def test_who_published_first_is_told_by_the_moments_and_not_by_the_commits(
    workshop: Workshop, database: Database, cast: Cast, video_id: uuid.UUID
) -> None:
    """Another video of hers was published a moment later, and its commit came before."""
    ana = cast.ana.id
    with database.write() as session:
        session.get_one(Player, ana).first_published_at = now(session) + timedelta(hours=1)
    assert workshop.process(video_id) == "completed"
    with database.read() as session:
        assert session.get_one(Player, ana).first_published_at == row(database, video_id).processed_at


def test_an_absent_share_gets_no_scratch_folder(
    workshop: Workshop, video_id: uuid.UUID, storage: LocalStorage, database: Database, converter: Converter
) -> None:
    """Which is beside the media by default: made under the mount point, it would be hidden when the share is back."""
    storage.root.rename(storage.root.with_name("file server"))
    storage.root.mkdir()
    assert workshop.process(video_id) == "storage_away"
    assert list(storage.root.iterdir()) == []
    assert (row(database, video_id).status, converter.runs) == (Status.PENDING, 0)


def test_two_workers_on_one_video_give_one_result(
    workshop: Workshop, converter: Converter, video_id: uuid.UUID
) -> None:
    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(workshop.process, [video_id] * 4))
    assert outcomes == ["completed", "not_mine", "not_mine", "not_mine"]
    assert converter.runs == 1


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_a_bell_for_a_finished_or_unknown_video_changes_nothing(workshop: Workshop, cast: Cast, status: Status) -> None:
    assert workshop.process(cast.video(cast.ana, status=status)) == "not_mine"
    assert workshop.process(uuid.uuid4()) == "not_mine"


def test_progress_is_stored_and_the_lease_grows(
    workshop: Workshop, converter: Converter, database: Database, video_id: uuid.UUID
) -> None:
    seen: list[Any] = []

    def during(on_progress: Callable[[float], None]) -> None:
        seen.append(row(database, video_id).lease_until)
        on_progress(42.7)
        seen.append(row(database, video_id).lease_until)
        seen.append(row(database, video_id).progress)

    converter.during = during
    workshop.process(video_id)
    assert seen[1] > seen[0]
    assert seen[2] == 42


def test_a_late_twin_changes_no_row_and_leaves_no_bytes(
    workshop: Workshop,
    converter: Converter,
    database: Database,
    storage: LocalStorage,
    sweeper: RowSweeper,
    video_id: uuid.UUID,
) -> None:
    def lose_the_lease(_: object) -> None:
        converter.during = lambda _: None
        change(database, video_id, lease_until=None, status=Status.PENDING)
        assert workshop.process(video_id) == "completed"

    converter.during = lose_the_lease
    assert workshop.process(video_id) == "lost"
    assert row(database, video_id).processed_key == f"processed/{video_id}.2.mp4"
    assert files(storage) == {f"uploads/{video_id}.mp4", f"processed/{video_id}.2.mp4", f"processed/{video_id}.2.jpg"}


def test_a_video_deleted_while_it_is_processed_leaves_nothing(
    workshop: Workshop, converter: Converter, cast: Cast, storage: LocalStorage, video_id: uuid.UUID
) -> None:
    ana = cast.ana

    def delete(on_progress: Callable[[float], None]) -> None:
        assert cast.client.delete(f"/api/videos/{video_id}", headers=ana.headers).status_code == 204
        on_progress(50.0)

    converter.during = delete
    assert workshop.process(video_id) == "lost"
    assert files(storage) == set()


def raising(error: Exception) -> Callable[[object], None]:
    def during(_: object) -> None:
        raise error

    return during


def test_a_bad_file_fails_at_once_with_a_reason_in_both_languages(
    workshop: Workshop, converter: Converter, cast: Cast, video_id: uuid.UUID
) -> None:
    converter.during = raising(ProcessingFailed(FailureCode.DAMAGED, log_detail="internal"))
    assert workshop.process(video_id) == "failed"
    texts = set()
    for asked in ("es", "en"):
        headers = cast.ana.headers | {"Accept-Language": asked}
        body = cast.client.get(f"/api/videos/{video_id}", headers=headers).json()
        assert (body["status"], body["failure"]["code"], body["votes"]) == ("failed", "damaged", 0)
        texts.add(body["failure"]["detail"])
    assert len(texts) == 2
    assert not any("internal" in words for words in texts)


def test_what_is_not_as_in_the_original_is_told_with_the_published_video(
    workshop: Workshop, converter: Converter, cast: Cast, video_id: uuid.UUID
) -> None:
    converter.notices = tuple(Notice)
    assert workshop.process(video_id) == "completed"
    texts = set()
    for asked in ("es", "en"):
        headers = cast.ana.headers | {"Accept-Language": asked}
        body = cast.client.get(f"/api/videos/{video_id}", headers=headers).json()
        assert (body["status"], [notice["code"] for notice in body["notices"]]) == ("completed", list(Notice))
        texts |= {notice["detail"] for notice in body["notices"]}
    assert len(texts) == 2 * len(Notice)


def test_a_machines_trouble_is_retried_later_and_given_up_in_the_end(
    workshop: Workshop, converter: Converter, database: Database, video_id: uuid.UUID
) -> None:
    converter.during = raising(ProcessingFailed(FailureCode.INTERRUPTED))
    assert workshop.process(video_id) == "to_be_retried"
    assert workshop.process(video_id) == "not_mine"  # before its time
    for expected in ("to_be_retried", "failed"):
        change(database, video_id, not_before=None)
        assert workshop.process(video_id) == expected
    assert row(database, video_id).failures == 3


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "disk_full"), (errno.EIO, "internal")]
)
def test_a_disk_in_trouble_is_the_machines_fault(
    workshop: Workshop, converter: Converter, storage: LocalStorage, video_id: uuid.UUID, database: Database,
    number: int, code: str,
) -> None:  # fmt: skip
    converter.during = raising(OSError(number, "in trouble"))
    assert workshop.process(video_id) == "to_be_retried"
    assert files(storage) == {f"uploads/{video_id}.mp4"}
    change(database, video_id, not_before=None, failures=2)
    assert workshop.process(video_id) == "failed"
    assert row(database, video_id).failure_code == code


def test_a_storage_that_is_away_costs_the_video_nothing(
    workshop: Workshop, converter: Converter, storage: LocalStorage, video_id: uuid.UUID, database: Database
) -> None:
    """However long: each attempt that storage spoils is handed back, and a share that is not mounted loses no video."""
    results, parked = storage.root / RESULTS, storage.root / "unmounted"

    def unmount(_: object) -> None:
        results.rename(parked)

    converter.during = unmount
    for _ in range(5):
        change(database, video_id, not_before=None)
        assert workshop.process(video_id) == "storage_away"
        assert workshop.process(video_id) == "not_mine"  # before its time
        parked.rename(results)
    originals = storage.root / ORIGINALS
    originals.rename(parked)
    change(database, video_id, not_before=None)
    assert workshop.process(video_id) == "storage_away"
    parked.rename(originals)
    assert (row(database, video_id).status, row(database, video_id).failures) == ("pending", 0)
    change(database, video_id, not_before=None)
    converter.during = lambda _: None
    assert workshop.process(video_id) == "completed"


@pytest.mark.parametrize("code", [FailureCode.DAMAGED, FailureCode.TOOK_TOO_LONG, FailureCode.NOT_HOUSE_FORMAT])
def test_what_ffmpeg_says_while_the_storage_goes_away_is_not_believed(
    workshop: Workshop, converter: Converter, storage: LocalStorage, video_id: uuid.UUID, database: Database,
    code: FailureCode,
) -> None:  # fmt: skip
    """It may not have read all of the original, or have written where nobody finds it."""
    results, parked = storage.root / RESULTS, storage.root / "unmounted"

    def unmount(_: object) -> None:
        results.rename(parked)
        raise ProcessingFailed(code)

    converter.during = unmount
    assert workshop.process(video_id) == "storage_away"
    parked.rename(results)
    assert (row(database, video_id).status, row(database, video_id).failures) == ("pending", 0)
    converter.during = lambda _: None
    change(database, video_id, not_before=None)
    assert workshop.process(video_id) == "completed"


def test_an_operator_gives_a_failed_video_all_its_attempts_again(
    workshop: Workshop, sweeper: RowSweeper, converter: Converter, database: Database, video_id: uuid.UUID
) -> None:
    with database.write() as session:
        assert not repository.try_again(session, video_id)  # it waits already
    converter.during = raising(ProcessingFailed(FailureCode.DAMAGED))
    assert workshop.process(video_id) == "failed"
    with database.write() as session:
        assert repository.try_again(session, video_id)
    again = row(database, video_id)
    assert (again.status, again.failures, again.failure_code, again.processed_at) == ("pending", 0, None, None)
    converter.during = lambda _: None
    assert workshop.process(video_id) == "completed"


def test_a_missing_original_is_retried_for_the_storage_may_be_away(
    workshop: Workshop, cast: Cast, database: Database
) -> None:
    video_id = cast.video(cast.ana, status=Status.PENDING)
    assert workshop.process(video_id) == "to_be_retried"


def test_a_worker_that_must_stop_hands_its_video_back(
    workshop: Workshop, shutdown: Shutdown, converter: Converter, database: Database, sweeper: RowSweeper,
    rung: list[uuid.UUID], video_id: uuid.UUID,
) -> None:  # fmt: skip
    def stop(on_progress: Callable[[float], None]) -> None:
        shutdown.begin(-1)
        on_progress(10)

    converter.during = stop
    assert workshop.process(video_id) == "handed_back"
    video = row(database, video_id)
    assert (video.status, video.failures, video.lease_until) == ("pending", 0, None)
    sweeper.sweep()
    assert rung == [video_id]


@pytest.mark.parametrize("is_written", [False, True])
def test_a_database_away_at_the_end_costs_no_work(
    workshop: Workshop, converter: Converter, database: Database, storage: LocalStorage, video_id: uuid.UUID,
    monkeypatch: pytest.MonkeyPatch, is_written: bool,
) -> None:  # fmt: skip
    """It goes away before the row is written, or after that and before it says so."""
    monkeypatch.setattr(service, "_ASKS_AGAIN_AFTER_S", 0.0)
    publish, tries = repository.publish, []

    def away(session: Session, *arguments: Any) -> bool:
        tries.append(1)
        if len(tries) == 3:
            return publish(session, *arguments)
        if is_written:
            publish(session, *arguments)
            session.commit()
        raise OperationalError("COMMIT", {}, ConnectionError("restarting"))

    monkeypatch.setattr(repository, "publish", away)
    assert workshop.process(video_id) == "completed"
    assert (converter.runs, len(tries)) == (1, 3)
    done = row(database, video_id)
    assert (done.status, done.attempt, done.failures) == (Status.COMPLETED, 1, 0)
    assert done.processed_key
    assert storage.exists(done.processed_key)


def test_a_database_that_stays_away_leaves_the_files_to_the_sweep(
    workshop: Workshop, database: Database, storage: LocalStorage, video_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether they were published."""

    def away(*_: Any) -> bool:
        raise OperationalError("COMMIT", {}, ConnectionError("gone"))

    monkeypatch.setattr(repository, "publish", away)
    with pytest.raises(OperationalError):
        replace(workshop, lease_s=0).process(video_id)
    assert row(database, video_id).status == Status.PROCESSING
    assert storage.exists(f"{RESULTS}/{video_id}.1.mp4")


def test_a_database_away_for_a_heartbeat_does_not_end_the_work(
    workshop: Workshop, converter: Converter, monkeypatch: pytest.MonkeyPatch, video_id: uuid.UUID
) -> None:
    def away(*_: object) -> bool:
        raise OperationalError("UPDATE", {}, ConnectionError("restarting"))

    monkeypatch.setattr("anb.processing.repository.extend", away)
    assert workshop.process(video_id) == "completed"


def test_an_expired_lease_is_freed_and_the_third_time_failed(
    sweeper: RowSweeper, database: Database, rung: list[uuid.UUID], video_id: uuid.UUID
) -> None:
    with database.read() as session:
        past = db.now(session) - timedelta(seconds=1)
    for failures in (1, 2):
        change(database, video_id, status=Status.PROCESSING, lease_until=past)
        sweeper.sweep()
        assert (row(database, video_id).status, row(database, video_id).failures) == ("pending", failures)
    assert rung == [video_id, video_id]
    change(database, video_id, status=Status.PROCESSING, lease_until=past)
    sweeper.sweep()
    assert (row(database, video_id).status, row(database, video_id).failure_code) == ("failed", "crashed")


def test_a_running_lease_and_a_fresh_bell_are_left_alone(
    sweeper: RowSweeper, database: Database, rung: list[uuid.UUID], cast: Cast, video_id: uuid.UUID
) -> None:
    with database.read() as session:
        moment = db.now(session)
    running = cast.video(cast.ana, status=Status.PROCESSING, lease_until=moment + timedelta(seconds=60))
    change(database, video_id, rung_at=moment)
    sweeper.sweep()
    assert rung == []
    assert row(database, running).status == "processing"
    change(database, video_id, rung_at=moment - timedelta(seconds=31))
    sweeper.sweep()
    sweeper.sweep()
    assert rung == [video_id]


def test_an_unreachable_broker_ends_the_ringing_of_this_sweep(sweeper: RowSweeper, cast: Cast) -> None:
    asked: list[uuid.UUID] = []

    def unreachable(video_id: uuid.UUID) -> bool:
        asked.append(video_id)
        return False

    for _ in range(3):
        cast.video(cast.ana, status=Status.PENDING)
    replace(sweeper, ring=unreachable, ring_again_after_s=0).sweep()
    assert len(asked) == 1


def test_bytes_that_belong_to_no_video_are_removed_and_all_others_stay(
    byte_sweeper: ByteSweeper, storage: LocalStorage, cast: Cast, video_id: uuid.UUID
) -> None:
    running = cast.video(cast.ana, status=Status.PROCESSING, attempt=2)
    published = cast.video(cast.ana, attempt=1)
    kept = {
        f"uploads/{video_id}.mp4", f"processed/{running}.2.mp4", f"processed/{published}.1.mp4",
        f"processed/{published}.1.jpg", f"scratch/{running}.2/house.mp4", f"uploads/{uuid.uuid4()}.mp4",
    }  # fmt: skip
    strays = {
        f"processed/{running}.1.mp4", f"processed/{published}.2.jpg", f"processed/{uuid.uuid4()}.1.mp4",
        f"scratch/{running}.1/house.mp4", f"scratch/{uuid.uuid4()}.1/house.mp4", f"scratch/{published}.1/house.mp4",
    }  # fmt: skip
    for name in kept | strays:
        (storage.root / name).parent.mkdir(parents=True, exist_ok=True)
        (storage.root / name).write_bytes(b"x")
    assert byte_sweeper.sweep() == len(strays)
    assert files(storage) == kept
    eager = replace(byte_sweeper, orphan_age_s=0)
    assert eager.sweep() == 1  # the upload without a row, once it is old
    assert not storage.exists(f"{RESULTS}/{uuid.uuid4()}.1.mp4")


def test_the_bytes_of_a_whole_upload_that_is_no_video_yet_stay_however_old_they_are(
    byte_sweeper: ByteSweeper, storage: LocalStorage, cast: Cast, database: Database
) -> None:
    """Its host died when they were stored; the next start makes it a video, while this sweep may be on its way."""
    player_id, under_way, given_up = cast.ana.id, uuid.uuid4(), uuid.uuid4()
    with database.write() as session:
        for upload_id in (under_way, given_up):
            arrivals.note(session, Arrival(id=upload_id, player_id=player_id, at=now(session), bytes=1, under_way=True))
        arrivals.end(session, given_up, player_id, 1, 1)
    for upload_id in (under_way, given_up):
        storage.path(f"{ORIGINALS}/{upload_id}.mp4").write_bytes(b"x")
    assert replace(byte_sweeper, orphan_age_s=-1).sweep() == 1
    assert files(storage) == {f"uploads/{under_way}.mp4"}


def test_an_upload_that_becomes_a_video_during_a_sweep_keeps_its_bytes(
    byte_sweeper: ByteSweeper, storage: LocalStorage, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cast.ana.id
    late = uuid.uuid4()
    storage.path(f"{ORIGINALS}/{late}.mp4").write_bytes(b"x")

    def registered(without_row: int, with_row: int) -> bool:  # asked when all has been listed
        cast.video(cast.ana, status=Status.PENDING, id=late)
        return are_ours(without_row, with_row)

    monkeypatch.setattr("anb.processing.sweep.are_ours", registered)
    assert replace(byte_sweeper, orphan_age_s=-1).sweep() == 0
    assert files(storage) == {f"uploads/{late}.mp4"}


def test_a_worker_clears_what_a_dead_one_left_on_its_own_disk(
    workshop: Workshop, converter: Converter, cast: Cast, video_id: uuid.UUID
) -> None:
    running = cast.video(cast.ana, status=Status.PROCESSING, attempt=2)
    for name in (f"{running}.1", f"{running}.2", f"{uuid.uuid4()}.1"):
        (workshop.scratch / name).mkdir(parents=True)
    seen: list[set[str]] = []
    converter.during = lambda _: seen.append({path.name for path in workshop.scratch.iterdir()})
    assert workshop.process(video_id) == "completed"
    assert seen == [{f"{running}.2", f"{video_id}.1"}]


def test_media_that_are_older_than_the_database_are_anothers_and_stay(
    byte_sweeper: ByteSweeper, storage: LocalStorage, cast: Cast
) -> None:
    """A new database, or a mistyped address of one, beside the media of a whole contest; then one that is in use."""
    eager = replace(byte_sweeper, orphan_age_s=0)
    for stray in (f"{RESULTS}/{uuid.uuid4()}.1.mp4", f"{ORIGINALS}/{uuid.uuid4()}.mp4"):
        storage.path(stray).write_bytes(b"x")
    before = files(storage)
    with capture_logs() as logged:
        assert eager.sweep() == 0
    assert files(storage) == before
    assert [(line["event"], line["objects"]) for line in logged] == [("media_of_another_database", 2)]
    assert cast.ana.id  # whose account is older than they
    assert eager.sweep() == 2


@pytest.mark.parametrize(("ours", "foreign", "removed"), [(0, 10, 10), (0, 11, 0), (3, 11, 0), (6, 12, 12), (6, 13, 0)])
def test_media_of_which_most_have_no_row_are_anothers_and_stay(
    byte_sweeper: ByteSweeper, storage: LocalStorage, cast: Cast, ours: int, foreign: int, removed: int
) -> None:
    """The address of another contest's database, older than these media."""
    assert cast.ana.id
    for _ in range(ours):
        published = cast.video(cast.ana, status=Status.COMPLETED, attempt=1)
        for kept in (f"{ORIGINALS}/{published}.mp4", f"{RESULTS}/{published}.1.mp4"):
            storage.path(kept).write_bytes(b"x")
    for _ in range(foreign):
        storage.path(f"{RESULTS}/{uuid.uuid4()}.1.mp4").write_bytes(b"x")
    with capture_logs() as logged:
        assert byte_sweeper.sweep() == removed
    told = [line["objects"] for line in logged if line["event"] == "media_of_another_database"]
    assert told == ([] if removed else [foreign])
    assert len(files(storage)) == 2 * ours + foreign - removed
