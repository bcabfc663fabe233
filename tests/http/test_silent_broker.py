"""A broker that takes the connection and says nothing, as a frozen Redis does: who asks waits, and nobody else."""

import socket
import threading
import uuid
from collections import defaultdict
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
from anb.storage.patience import Patience
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


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> defaultdict[str, Patience]:
    """As /ready has it, of each part by its name, but much longer."""
    monkeypatch.setattr(health, "PATIENCE_S", 60)
    parts: defaultdict[str, Patience] = defaultdict(health._patience.default_factory)
    monkeypatch.setattr(health, "_patience", parts)
    return parts


def test_ready_answers_in_time_and_keeps_the_server_in_service(
    silent: Settings, patience: defaultdict[str, Patience]
) -> None:
    """Before the broker's own client gives up, which would say less."""
    patience["broker"] = Patience(0.2)
    with TestClient(create_app(silent)) as client:
        ready = client.get("/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    failing = {name: part["detail"] for name, part in ready.json()["parts"].items() if not part["ok"]}
    assert failing == {"broker": "it does not answer"}


def test_a_part_is_waited_for_as_long_as_is_said(patience: defaultdict[str, Patience]) -> None:
    assert patience["broker"]._seconds == health.PATIENCE_S


@pytest.mark.usefixtures("patience")
def test_the_parts_are_asked_at_once(app: FastAPI) -> None:
    """Several silent ones together cost no more than one."""
    met = threading.Barrier(2)
    app.state.bell.check = lambda: met.wait(30)
    app.state.storage.check = lambda: met.wait(30)
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
        return not self.over.wait(120)


@pytest.fixture
def bell(app: FastAPI) -> Iterator[SilentBell]:
    app.state.bell = bell = SilentBell()
    yield bell
    bell.over.set()


def send_form(http: httpx2.Client, ana: Headers) -> int:
    files, data = {"file": ("clip.mp4", MP4_HEAD)}, {"title": "Triple"}
    return http.post("/api/videos/upload", headers=ana, timeout=120, files=files, data=data).status_code


def send_resumable(http: httpx2.Client, ana: Headers) -> int:
    told = {"Upload-Length": str(len(MP4_HEAD)), "Upload-Metadata": metadata(title="Triple"), "Content-Type": STREAM}
    headers = ana | {"Tus-Resumable": "1.0.0"} | told
    return http.post("/api/uploads", headers=headers, timeout=120, content=MP4_HEAD).status_code


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
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False, limits=limits) as http,
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
