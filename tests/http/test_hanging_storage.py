"""A share whose server is gone: whoever touches a file waits for it, and everybody else is served."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.cast import MP4_HEAD, Cast
from tests.server import serving

from anb.api import create_app
from anb.http import at_storage
from anb.operations import health
from anb.settings import Settings
from anb.storage.local import LocalStorage
from anb.storage.patience import Patience

PLACES = 3
CROWD = 60
"""More than the server has threads."""


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set while it answers."""
    answers = threading.Event()
    answers.set()
    for name in ("place", "create", "delete", "check", "free_bytes"):
        _hang(monkeypatch, name, answers)
    yield answers
    answers.set()


def _hang(monkeypatch: pytest.MonkeyPatch, name: str, answers: threading.Event) -> None:
    real: Callable[..., Any] = getattr(LocalStorage, name)

    def hanging(*arguments: object) -> Any:
        answers.wait(120)
        return real(*arguments)

    monkeypatch.setattr(LocalStorage, name, hanging)


@pytest.fixture
def served(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(at_storage, "_PLACES", PLACES)
    _be_patient(monkeypatch, 60)
    return create_app(settings)


def _be_patient(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(at_storage, "_PATIENCE_S", seconds)
    monkeypatch.setattr(health, "_patience", defaultdict(lambda: Patience(seconds)))


@pytest.fixture
def http(served: FastAPI) -> Iterator[httpx2.Client]:
    limits = httpx2.Limits(max_connections=CROWD + 5)
    with (
        serving(served) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False, limits=limits) as client,
    ):
        yield client


def test_a_share_that_hangs_keeps_a_few_requests_and_all_others_are_served(
    http: httpx2.Client, share: threading.Event, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = cast.ana.headers
    video_id = cast.video(cast.ana)
    doomed = cast.video(cast.ana)
    tus = ana | {"Tus-Resumable": "1.0.0", "Upload-Length": "500", "Upload-Metadata": "title VHJpcGxl"}
    form: dict[str, Any] = {"files": {"file": ("clip.mp4", MP4_HEAD)}, "data": {"title": "Triple"}}
    asks: list[Callable[[], httpx2.Response]] = [
        lambda: http.get(f"/media/processed/{video_id}.1.mp4"),
        lambda: http.post("/api/videos/upload", headers=ana, **form),
        lambda: http.post("/api/uploads", headers=tus),
        lambda: http.delete(f"/api/videos/{doomed}", headers=ana),
    ]
    share.clear()
    _be_patient(monkeypatch, 0.3)
    with ThreadPoolExecutor(CROWD) as pool:
        waiting = [pool.submit(asks[number % len(asks)]) for number in range(CROWD)]
        _until_refused(waiting, CROWD - PLACES)
        refused = [answer.result() for answer in waiting if answer.done()]
        for _ in range(3):
            assert http.get("/health").status_code == 200
            assert http.get("/api/videos", headers=ana).status_code == 200
            assert http.get("/api/public/videos", headers={"Cache-Control": "no-cache"}).status_code == 200
            vote = http.post(f"/api/public/videos/{video_id}/vote", headers=cast.beto.headers)
            assert vote.status_code in {201, 409}
            assert http.post("/api/auth/login", json={"email": "a@b.co", "password": "wrong one"}).status_code == 401
        ready = http.get("/ready")
        assert ready.status_code == 503
        for part in ("storage", "disk"):
            assert ready.json()["parts"][part]["detail"] == "it does not answer"
        _be_patient(monkeypatch, 60)
        share.set()
        served = [answer.result() for answer in waiting if answer.result() not in refused]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(503, "temporarily_unavailable")}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert {answer.status_code for answer in served} <= {201, 202, 204, 404}
    assert asks[1]().status_code == 202
    assert http.get("/ready").json()["parts"]["storage"]["ok"]


def _until_refused(answers: list["Future[httpx2.Response]"], number: int) -> None:
    come = threading.Semaphore(0)
    for answer in answers:
        answer.add_done_callback(lambda _: come.release())
    for _ in range(number):
        assert come.acquire(timeout=60)
