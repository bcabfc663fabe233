"""What Prometheus reads: of one process, of four that count together, and of a worker with its children."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from starlette.testclient import TestClient

from anb import metrics
from anb.db import Database
from anb.operations.backlog import KeptBacklog
from anb.operations.scrape import _counted, served
from anb.processing import repository
from anb.settings import Settings, SettingsError
from anb.videos.lifecycle import Status
from anb.videos.models import Video
from tests.cast import Cast
from tests.conftest import BROKER, SECRET
from tests.server import free_port

GUNICORN = Path(__file__).parents[2] / "deployment" / "gunicorn" / "gunicorn.conf.py"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parse(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def test_the_backlog_is_read_from_the_database(cast: Cast) -> None:
    cast.video(cast.ana, status=Status.PENDING)
    cast.video(cast.ana, status=Status.PROCESSING)
    cast.video(cast.ana)
    samples = parse(cast.client.get("/metrics").text)
    assert value(samples, "anb_database_up") == 1
    assert value(samples, "anb_queue_videos", state="pending") == 1
    assert value(samples, "anb_queue_videos", state="processing") == 1
    assert (value(samples, "anb_queue_oldest_seconds") or 0) > 0


def test_a_video_that_waits_for_its_retry_grows_no_older_by_it(cast: Cast, database: Database) -> None:
    cast.video(cast.ana, status=Status.PENDING, not_before=datetime.now(UTC) + timedelta(hours=1))
    with database.read() as session:
        assert repository.backlog(session) == repository.Backlog(pending=1, processing=0, oldest_s=0.0)


def test_a_dead_database_leaves_the_other_numbers(client: TestClient, settings: Settings, tmp_path: Path) -> None:
    dead = Database("postgresql+psycopg://nobody@127.0.0.1:1/none" if "postgres" in settings.database
                    else f"sqlite:///{tmp_path}/no/folder/anb.db")  # fmt: skip
    client.app.state.backlog = KeptBacklog(dead)  # type: ignore[attr-defined]
    client.get("/health")
    samples = parse(client.get("/metrics").text)
    assert value(samples, "anb_database_up") == 0
    assert value(samples, "anb_queue_videos", state="pending") is None
    assert value(samples, "anb_http_requests_total", method="GET", route="/health", status="200")
    dead.dispose()


def test_a_video_that_nobody_takes_makes_a_degraded_system(cast: Cast, database: Database) -> None:
    assert cast.client.get("/ready").json()["status"] == "ready"
    waiting = cast.video(cast.ana, status=Status.PENDING)
    cast.client.app.state.backlog = KeptBacklog(database)  # type: ignore[attr-defined]
    answer = cast.client.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "none is being processed" in answer.json()["parts"]["worker"]["detail"]
    with database.write() as session:
        session.execute(update(Video).where(Video.id == waiting).values(status=Status.PROCESSING))
    cast.client.app.state.backlog = KeptBacklog(database)  # type: ignore[attr-defined]
    assert cast.client.get("/ready").json()["status"] == "ready"


def test_a_process_that_is_just_born_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is opened first and given a length afterwards."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    file = tmp_path / "counter_1.db"
    file.touch()
    born = threading.Timer(0.05, file.write_bytes, [bytes(4096)])
    born.start()
    assert list(_counted().collect()) == []
    born.join()


def test_an_invented_method_makes_no_new_series(client: TestClient) -> None:
    client.request("BREW", "/health")
    text = client.get("/metrics").text
    assert 'method="other"' in text
    assert "BREW" not in text


@contextmanager
def running(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", *command], env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)} | environment,
            cwd=folder, start_new_session=True, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(120)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)


def until(done: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if done():
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError((folder / "log").read_text()[-3000:])


def scrape(port: int) -> Samples:
    """On a connection of its own, so that any of the processes may answer."""
    return parse(httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text)


def test_four_processes_tell_one_sum_and_a_killed_one_takes_nothing_away(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "SECRET_KEY": SECRET, "MEDIA_ROOT": str(tmp_path / "media"), "DATABASE_URL": f"sqlite:///{tmp_path}/anb.db",
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0", "ANB_LOG_LEVEL": "info",
    }  # fmt: skip
    command = ["gunicorn", "-c", str(GUNICORN), "-b", f"127.0.0.1:{port}", "anb.api:create_app()"]
    with running(command, environment, tmp_path) as master:
        until(lambda: httpx2.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200, tmp_path)
        workers = set(map(int, Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()))
        before = requests_of_health(scrape(port))
        for _ in range(40):
            httpx2.get(f"http://127.0.0.1:{port}/health", trust_env=False)
        assert {requests_of_health(scrape(port)) for _ in range(12)} == {before + 40}
        size = 4 * Database(environment["DATABASE_URL"]).most_connections
        assert value(scrape(port), "anb_database_pool_size") == size
        os.kill(min(workers), signal.SIGKILL)
        until(lambda: value(scrape(port), "anb_database_pool_size") == size and
              requests_of_health(scrape(port)) == before + 40, tmp_path)  # fmt: skip
    assert not list(tmp_path.glob("anb-metrics-*"))


def test_a_pool_of_which_all_is_lent_is_told_as_full(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    metrics.watch_pool(database.engine, database.most_connections)
    with ExitStack() as lent:
        for _ in range(database.most_connections):
            lent.enter_context(database.engine.connect())
        told = [REGISTRY.get_sample_value(f"anb_database_{name}") for name in ("connections_in_use", "pool_size")]
    database.dispose()
    assert told == [database.most_connections] * 2


def requests_of_health(samples: Samples) -> float:
    return value(samples, "anb_http_requests_total", method="GET", route="/health", status="200") or 0.0


def test_a_worker_tells_what_its_children_did(cast: Cast, settings: Settings, tmp_path: Path) -> None:
    if not settings.broker.startswith("redis"):
        pytest.skip("a worker of its own needs a broker")
    assert BROKER
    port = free_port()
    environment = {
        "SECRET_KEY": SECRET, "ANB_DATA_DIR": str(tmp_path), "DATABASE_URL": settings.database,
        "CELERY_BROKER_URL": BROKER, "ANB_WORKER_METRICS_PORT": str(port), "ANB_SWEEP_EVERY_S": "0.5",
        "ANB_RING_AGAIN_AFTER_S": "1",
    }  # fmt: skip
    assert cast.upload(cast.ana).status_code == 202
    with running(["anb.cli", "worker"], environment, tmp_path):
        until(lambda: value(scrape(port), "anb_videos_processed_total", outcome="failed") == 1, tmp_path)
        samples = scrape(port)
        failures = {
            labels: count for (name, labels), count in samples.items() if name == "anb_processing_failures_total"
        }
        assert sum(failures.values()) == 1
        assert value(samples, "anb_processing_seconds_count") == 1
        assert (value(samples, "anb_worker_heartbeat_timestamp_seconds") or 0) > time.time() - 60
        assert value(samples, "anb_ffmpeg_kills_total", reason="out_of_time") == 0
        for code in ("disk_full", "engine_missing", "source_missing", "internal"):
            told = value(samples, "anb_processing_failures_total", code=code)
            assert told is not None, f"a rise from nothing is none: the first {code} would wake nobody"
        assert value(samples, "anb_videos_processed_total", outcome="completed") == 0
    assert not list(tmp_path.glob("anb-metrics-*"))


def test_a_taken_metrics_port_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = pytest.raises(SettingsError, match=f"ANB_WORKER_METRICS_PORT: 127.0.0.1:{port}")
        with refused, served("127.0.0.1", port, "ANB_WORKER_METRICS_PORT"):
            pass


def test_the_port_is_let_go_of_where_what_was_served_ends_by_an_error() -> None:
    port = free_port()
    with pytest.raises(RuntimeError, match="a sweep has ended"), served("127.0.0.1", port, "ANB_BEAT_METRICS_PORT"):
        raise RuntimeError("a sweep has ended by itself")
    with socket.create_server(("127.0.0.1", port)):
        pass
