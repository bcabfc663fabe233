"""One server away at a time, on the whole stack. What dies at random is `make prove`'s."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from deployment.stack.servers import ANB, Stack
from redis import Redis

from tests.cast import problem
from tests.stack.asking import Headers, drawn, status, upload
from tests.waiting import until


@contextmanager
def away(stack: Stack, name: str) -> Iterator[None]:
    stack.control("stopProcess", name)
    try:
        yield
    finally:
        stack.control("startProcess", name)
        until(stack.is_ready)


def test_without_redis_for_a_minute_uploads_are_taken_and_processed_afterwards(
    stack: Stack, http: httpx2.Client, ana: Headers, clip: bytes
) -> None:
    """What is promised: the worker asks for Redis every 2 s, however long it was away, and the next sweep, a second
    later here, rings for all of them. The rest of the time is FFmpeg's: six videos by two processes, on a machine with
    other things to do.
    """
    log = stack.plan.logs / "worker.log"
    before = log.stat().st_size
    taken = []
    with away(stack, "redis"):
        over = time.monotonic() + 60
        while time.monotonic() < over:
            answer = upload(http, ana, clip)
            assert answer.status_code == 202, answer.text
            taken.append(answer.json()["id"])
            assert http.get("/ready").json()["status"] == "degraded"
            time.sleep(10)
    until(lambda: all(status(http, ana, video_id) == "completed" for video_id in taken), 120)
    waits = re.findall(r"Trying again in ([0-9.]+) seconds", log.read_text()[before:])
    assert len(waits) > 10
    assert set(waits) == {"2.00"}


def test_a_frozen_redis_takes_no_server_out_of_service_and_everything_goes_on_when_it_thaws(
    stack: Stack, http: httpx2.Client, ana: Headers, clip: bytes
) -> None:
    """`/ready` as the kubelet asks it: who hears nothing within 5 s, three times, takes the pod away."""
    busy = upload(http, ana, clip).json()["id"]  # its worker has something to acknowledge meanwhile
    redis = stack.pid("redis")
    assert redis
    os.kill(redis, signal.SIGSTOP)
    try:
        taken = [upload(http, ana, clip).json()["id"] for _ in range(6)]
        for _ in range(3):
            ready = http.get("/ready", timeout=5)
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    finally:
        os.kill(redis, signal.SIGCONT)
    until(lambda: all(status(http, ana, video_id) == "completed" for video_id in (busy, *taken)), 120)


def test_a_worker_all_of_whose_videos_end_while_redis_is_away_hears_the_next_bell(
    stack: Stack, http: httpx2.Client, ana: Headers, tmp_path: Path
) -> None:
    """Neither could be acknowledged, and two are all that it may hold."""
    clip = drawn(tmp_path / "clip.mp4", "size=1280x720:rate=30:duration=10")
    busy = [upload(http, ana, clip).json()["id"] for _ in range(2)]
    until(lambda: all(status(http, ana, video_id) == "processing" for video_id in busy))
    with away(stack, "redis"):
        until(lambda: all(status(http, ana, video_id) == "completed" for video_id in busy), 120)
    video_id = upload(http, ana, clip).json()["id"]
    until(lambda: status(http, ana, video_id) == "completed", 120)


def test_a_worker_outlives_a_redis_that_a_failover_has_made_read_only(
    stack: Stack, http: httpx2.Client, ana: Headers, clip: bytes
) -> None:
    log, worker = stack.plan.logs / "worker.log", stack.pid("worker")
    before = log.stat().st_size
    with Redis(port=stack.plan.ports.redis) as server:
        server.replicaof("127.0.0.1", 1)
        try:
            video_id = upload(http, ana, clip).json()["id"]
            until(lambda: "READONLY" in log.read_text()[before:] or "read only replica" in log.read_text()[before:])
        finally:
            server.replicaof("no", "one")
    until(lambda: status(http, ana, video_id) == "completed", 120)
    assert stack.pid("worker") == worker


def test_without_the_database_every_answer_says_when_to_come_back(
    stack: Stack, http: httpx2.Client, ana: Headers, clip: bytes
) -> None:
    before = {path.name for path in (stack.plan.media / "uploads").iterdir()}
    with away(stack, "postgres"):
        for answer in (
            http.get("/api/videos", headers=ana),
            upload(http, ana, clip),
            http.post("/api/auth/login", json={"email": "ana@example.com", "password": "tres triples"}),
        ):
            problem(answer, 503, "temporarily_unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert http.get("/health").status_code == 200
        assert http.get("/ready").status_code == 503
    assert {path.name for path in (stack.plan.media / "uploads").iterdir()} == before
    assert upload(http, ana, clip).status_code == 202


def test_a_database_that_restarts_under_load_costs_no_answer_other_than_503(
    stack: Stack, http: httpx2.Client, ana: Headers, clip: bytes
) -> None:
    over = threading.Event()
    seen: set[int] = set()

    def ask() -> None:
        with httpx2.Client(base_url=stack.plan.url, timeout=30, trust_env=False) as client:
            while not over.wait(0.2):  # slower than nginx's limit for one address
                seen.add(client.get("/api/videos", headers=ana).status_code)
                seen.add(client.get("/api/public/rankings", headers={"Cache-Control": "no-cache"}).status_code)

    video_id = upload(http, ana, clip).json()["id"]  # its worker holds a lease meanwhile
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        with away(stack, "postgres"):
            pass
    over.set()
    for thread in threads:
        thread.join()
    assert seen <= {200, 503}
    until(lambda: status(http, ana, video_id) == "completed", 120)


def test_beat_twice_does_no_harm(stack: Stack, http: httpx2.Client, ana: Headers, clip: bytes, tmp_path: Path) -> None:
    with (tmp_path / "beat.log").open("wb") as log:
        second = subprocess.Popen([ANB, "beat"], env=stack.environment, stdout=log, stderr=log)
        try:
            videos = [upload(http, ana, clip).json()["id"] for _ in range(3)]
            until(lambda: all(status(http, ana, video_id) == "completed" for video_id in videos), 120)
        finally:
            second.terminate()
            assert second.wait(20) == 0
    for video_id in videos:
        results = list((stack.plan.media / "processed").glob(f"{video_id}.*.mp4"))
        assert len(results) == 1
