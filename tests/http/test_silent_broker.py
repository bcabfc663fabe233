"""A broker that takes the connection and says nothing, as a frozen Redis does: who asks waits, and nobody else."""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
import yaml
from fastapi import FastAPI
from sqlalchemy import func, select
from starlette.testclient import TestClient
from tests.cast import MP4_HEAD, Cast
from tests.server import serving
from tests.uploads.speaker import STREAM, metadata
from tests.waiting import until

from anb.api import create_app
from anb.db import Database
from anb.operations import health
from anb.settings import Settings
from anb.videos.models import Video

Headers = dict[str, str]
Send = Callable[[httpx2.Client, Headers], int]

CROWD = 60
"""More than the server has threads."""

WEB = Path(__file__).parents[2] / "deployment" / "kubernetes" / "base" / "web.yaml"


@pytest.fixture
def silent(settings: Settings) -> Iterator[Settings]:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        url = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        yield settings.model_copy(update={"celery_broker_url": url})


def test_ready_answers_in_time_and_keeps_the_server_in_service(silent: Settings) -> None:
    with TestClient(create_app(silent)) as client:
        began = time.monotonic()
        ready = client.get("/ready")
        assert time.monotonic() - began < health.PATIENCE_S + 1
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert {name for name, part in ready.json()["parts"].items() if not part["ok"]} == {"broker"}


def test_the_parts_are_asked_at_once(app: FastAPI) -> None:
    """Several silent ones together cost no more than one."""
    met = threading.Barrier(2)
    app.state.bell.check = lambda: met.wait(health.PATIENCE_S)
    app.state.storage.check = lambda: met.wait(health.PATIENCE_S)
    with TestClient(app) as client:
        assert client.get("/ready").json()["status"] == "ready"


def test_a_probe_of_kubernetes_waits_longer_than_ready_takes() -> None:
    (probe,) = (
        container["readinessProbe"]
        for manifest in yaml.safe_load_all(WEB.read_text())
        if manifest["kind"] == "Deployment"
        for container in manifest["spec"]["template"]["spec"]["containers"]
    )
    assert probe["httpGet"]["path"] == "/ready"
    assert probe["timeoutSeconds"] > health.PATIENCE_S + 1


class SilentBell:
    def __init__(self) -> None:
        self.over = threading.Event()

    def ring(self, _video_id: uuid.UUID) -> bool:
        return not self.over.wait(60)


@pytest.fixture
def bell(app: FastAPI) -> Iterator[SilentBell]:
    app.state.bell = bell = SilentBell()
    yield bell
    bell.over.set()


def send_form(http: httpx2.Client, ana: Headers) -> int:
    files, data = {"file": ("clip.mp4", MP4_HEAD)}, {"title": "Triple"}
    return http.post("/api/videos/upload", headers=ana, timeout=60, files=files, data=data).status_code


def send_resumable(http: httpx2.Client, ana: Headers) -> int:
    told = {"Upload-Length": str(len(MP4_HEAD)), "Upload-Metadata": metadata(title="Triple"), "Content-Type": STREAM}
    headers = ana | {"Tus-Resumable": "1.0.0"} | told
    return http.post("/api/uploads", headers=headers, timeout=60, content=MP4_HEAD).status_code


@pytest.mark.parametrize(("send", "taken_with"), [(send_form, 202), (send_resumable, 201)])
def test_uploads_that_wait_for_it_keep_nobody_else_waiting(
    app: FastAPI, bell: SilentBell, cast: Cast, database: Database, send: Send, taken_with: int
) -> None:
    ana = cast.ana.headers

    def taken() -> int:
        with database.read() as session:
            return session.scalar(select(func.count()).select_from(Video)) or 0

    limits = httpx2.Limits(max_connections=CROWD + 5)
    with (
        serving(app) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, trust_env=False, limits=limits) as http,
        ThreadPoolExecutor(CROWD) as pool,
    ):
        answers = [pool.submit(send, http, ana) for _ in range(CROWD)]
        try:
            until(lambda: taken() == CROWD)
            assert http.get("/api/videos", headers=ana).status_code == 200
            assert http.get("/api/uploads", headers=ana).status_code == 200, "it looks at the disk"
            assert http.get("/api/public/videos", headers={"Cache-Control": "no-cache"}).status_code == 200
            assert not any(answer.done() for answer in answers)
        finally:
            bell.over.set()
        assert {answer.result() for answer in answers} == {taken_with}
