"""Bells that come twice, late, or never; two who sweep; clocks that are set."""

import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from anb import db
from anb.db import Database
from anb.processing.service import Workshop
from anb.processing.sweep import ByteSweeper, RowSweeper
from anb.storage.base import ORIGINALS
from anb.storage.local import LocalStorage
from anb.videos.lifecycle import Status
from tests.cast import Cast
from tests.processing.conftest import Converter, change, files, row

HOUR = timedelta(hours=1)
Step = Callable[[timedelta], None]


@pytest.fixture
def step_clock(monkeypatch: pytest.MonkeyPatch) -> Step:
    """Sets this host's clock, not that of a database server."""

    def step(by: timedelta) -> None:
        class Stepped(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # the real one's own kind
                return datetime.now(tz) + by

        monkeypatch.setattr(db, "datetime", Stepped)

    return step


def has_own_clock(database: Database) -> bool:
    return database.engine.dialect.name == "postgresql"


def waiting(cast: Cast, storage: LocalStorage, count: int) -> list[uuid.UUID]:
    videos = [cast.video(cast.ana, status=Status.PENDING) for _ in range(count)]
    for video_id in videos:
        storage.path(f"{ORIGINALS}/{video_id}.mp4").write_bytes(b"original")
    return videos


def test_bells_in_another_order_twice_and_one_lost_give_one_result_each(
    workshop: Workshop, sweeper: RowSweeper, converter: Converter, cast: Cast, storage: LocalStorage,
    database: Database, rung: list[uuid.UUID],
) -> None:  # fmt: skip
    lost, *heard = waiting(cast, storage, 4)
    with ThreadPoolExecutor(3) as pool:
        outcomes = list(pool.map(workshop.process, [*reversed(heard), *heard, *heard]))
    assert sorted(outcomes) == ["completed"] * 3 + ["not_mine"] * 6
    assert converter.runs == 3
    sweeper.sweep()
    assert rung == [lost]
    assert workshop.process(lost) == "completed"
    assert {row(database, video_id).attempt for video_id in [lost, *heard]} == {1}


def test_two_beats_ring_for_a_video_once_and_free_it_once(
    sweeper: RowSweeper,
    byte_sweeper: ByteSweeper,
    cast: Cast,
    storage: LocalStorage,
    database: Database,
    rung: list[uuid.UUID],
) -> None:
    videos = waiting(cast, storage, 20)
    with database.read() as session:
        past = db.now(session) - timedelta(seconds=1)
    for video_id in videos[:10]:
        change(database, video_id, status=Status.PROCESSING, attempt=1, lease_until=past)
    together = threading.Barrier(4)

    def beat(_: int) -> None:
        together.wait()
        sweeper.sweep()
        byte_sweeper.sweep()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(beat, range(4)))
    assert sorted(rung) == sorted(videos)
    assert {row(database, video_id).failures for video_id in videos[:10]} == {1}
    assert len(files(storage)) == 20


def test_a_clock_set_forward_while_a_video_is_processed_publishes_it_once(
    workshop: Workshop, sweeper: RowSweeper, byte_sweeper: ByteSweeper, converter: Converter, database: Database,
    storage: LocalStorage, video_id: uuid.UUID, step_clock: Step,
) -> None:  # fmt: skip
    def an_hour_passes(on_progress: Callable[[float], None]) -> None:
        converter.during = lambda _: None
        step_clock(HOUR)
        sweeper.sweep()
        byte_sweeper.sweep()
        on_progress(50)

    converter.during = an_hour_passes
    if has_own_clock(database):
        assert workshop.process(video_id) == "completed"
    else:
        assert workshop.process(video_id) == "lost"
        assert workshop.process(video_id) == "completed"
    attempt = row(database, video_id).attempt
    assert files(storage) == {
        f"uploads/{video_id}.mp4", f"processed/{video_id}.{attempt}.mp4", f"processed/{video_id}.{attempt}.jpg"
    }  # fmt: skip


def test_a_clock_set_back_frees_a_dead_worker_s_video_late_at_worst(
    sweeper: RowSweeper, database: Database, video_id: uuid.UUID, step_clock: Step
) -> None:
    with database.read() as session:
        past = db.now(session) - timedelta(seconds=1)
    change(database, video_id, status=Status.PROCESSING, lease_until=past)
    step_clock(-HOUR)
    sweeper.sweep()
    assert row(database, video_id).status == ("pending" if has_own_clock(database) else "processing")
    step_clock(timedelta())
    sweeper.sweep()
    assert row(database, video_id).status == "pending"


def test_an_upload_whose_row_is_on_its_way_outlives_a_clock_set_forward(
    byte_sweeper: ByteSweeper, storage: LocalStorage, step_clock: Step
) -> None:
    storage.path(f"{ORIGINALS}/{uuid.uuid4()}.mp4").write_bytes(b"just stored")
    step_clock(2 * HOUR)
    assert byte_sweeper.sweep() == 0


@pytest.mark.parametrize("behind", [2 * HOUR, -2 * HOUR])
def test_bytes_are_as_old_as_the_clock_of_their_own_host_says(
    byte_sweeper: ByteSweeper, storage: LocalStorage, cast: Cast, behind: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file server's clock that no other host's agrees with."""
    assert cast.ana.id  # whose account is older than all of them
    real = LocalStorage.now
    monkeypatch.setattr(LocalStorage, "now", lambda self: real(self) - behind)
    folder = storage.root / ORIGINALS
    young, old = ([folder / f"{uuid.uuid4()}.mp4", folder / f".{uuid.uuid4()}.mp4.x.part"] for _ in range(2))
    for age, paths in ((HOUR / 2, young), (2 * HOUR, old)):
        for path in paths:
            path.write_bytes(b"stored")
            written = (storage.now() - age).timestamp()
            os.utime(path, (written, written))
    assert byte_sweeper.sweep() == 2
    assert [path.exists() for path in [*young, *old]] == [True, True, False, False]


def test_the_stepped_clock_is_stepped(step_clock: Step) -> None:
    """Else the tests above would prove nothing."""
    step_clock(HOUR)
    assert vars(db)["datetime"].now(UTC) - datetime.now(UTC) > HOUR / 2
