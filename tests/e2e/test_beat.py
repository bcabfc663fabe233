"""Sweeps that wait for nobody: not for a worker, not for the queue, not for one another."""

import threading
from datetime import timedelta

import pytest
from tests.cast import Cast
from tests.e2e.test_shapes import Deployment, deployment
from tests.processing.conftest import change, row
from tests.server import free_port

from anb import db
from anb.beat import Beat, Sweep
from anb.db import Database
from anb.jobs.app import make_celery
from anb.settings import Settings
from anb.videos.lifecycle import Status
from anb.worker import EmbeddedWorker

__all__ = ["deployment"]  # the fixture
PATIENCE_S = 60


def test_a_sweep_that_hangs_keeps_no_other_waiting() -> None:
    over, swept = threading.Event(), threading.Semaphore(0)
    beat = Beat([Sweep("bytes", over.wait, 0.01), Sweep("rows", swept.release, 0.01)])
    beat.start()
    assert [swept.acquire(timeout=PATIENCE_S) for _ in range(3)] == [True] * 3
    assert beat.is_alive()
    over.set()
    beat.stop(PATIENCE_S)
    assert not beat.is_alive()


def test_a_sweep_that_fails_is_tried_again() -> None:
    tried = threading.Semaphore(0)

    def fail() -> None:
        tried.release()
        raise OSError("a share that is away")

    beat = Beat([Sweep("uploads", fail, 0.01)])
    beat.start()
    assert [tried.acquire(timeout=PATIENCE_S) for _ in range(3)] == [True] * 3
    beat.stop(PATIENCE_S)


def test_a_stop_does_not_wait_for_a_sweep_that_hangs() -> None:
    begun, over = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        over.wait()

    beat = Beat([Sweep("bytes", hang, 0.01)])
    beat.start()
    assert begun.wait(PATIENCE_S)
    beat.stop(within_s=0.01)
    assert beat.is_alive()
    over.set()


def test_the_one_process_ends_though_a_sweep_hangs(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not settings.broker.startswith("memory:"):
        pytest.skip("there the sweeps are a process of their own")
    over = threading.Event()
    hanging = Beat([Sweep("bytes", over.wait, 0.01)])
    monkeypatch.setattr("anb.beat.make_beat", lambda *_: hanging)
    monkeypatch.setattr("anb.worker._LONGEST_SWEEP_S", 0.05)
    worker = EmbeddedWorker(settings, database, make_celery(settings), lambda: None)
    worker.start()
    worker.stop()
    assert hanging.is_alive()
    over.set()


def test_without_any_worker_and_without_a_queue_a_dead_worker_s_video_is_freed(
    deployment: Deployment, cast: Cast, database: Database
) -> None:
    """As when all children of all workers are busy for minutes behind a long queue, only worse."""
    if deployment.embedded:
        pytest.skip("there the sweeps are threads of the server")
    with database.read() as session:
        past = db.now(session) - timedelta(seconds=1)
    video_id = cast.video(cast.ana, status=Status.PROCESSING)
    change(database, video_id, attempt=1, lease_until=past)
    deployment.environment["CELERY_BROKER_URL"] = f"redis://127.0.0.1:{free_port()}/0"  # nobody listens there
    deployment.run("beat", "anb.cli", "beat")
    deployment.until(lambda: row(database, video_id).status == Status.PENDING)
    assert deployment.stop() == {"beat": 0}
