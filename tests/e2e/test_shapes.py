"""The whole way on both shapes, with real processes and a real video; and what happens when they are killed."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from tests.cast import wish
from tests.conftest import BROKER, POSTGRES, SECRET
from tests.jobs.rabbitmq import virtual_host
from tests.server import free_port
from tests.storage.s3_server import S3Server
from tests.storage.stores import made_media
from tests.waiting import until

from anb.db import Database
from anb.processing.ffmpeg import find_ffmpeg
from anb.settings import Settings
from anb.videos.models import Video


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Five seconds, so that a kill finds it in the middle."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440"]
    coding = ["-t", "5", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([find_ffmpeg(), "-v", "error", "-y", *source, *coding, path], check=True)
    return path.read_bytes()


class Deployment:
    """Processes of one shape on one data folder."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.port = free_port()
        self.settings = settings
        self.folder = folder
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.embedded = settings.database.startswith("sqlite")
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("ANB_") or name == "ANB_TEST"
        } | {"ANB_DATA_DIR": str(folder), "ANB_DISK_RESERVE_BYTES": "0", "ANB_LEASE_S": "5", "ANB_SWEEP_EVERY_S": "0.5",
             "ANB_SWEEP_BYTES_EVERY_S": "1", "ANB_RING_AGAIN_AFTER_S": "1", "ANB_GRACE_S": "1",
             "SECRET_KEY": SECRET, "ANB_RATE_LIMITS_TIMES": "1000",
             "ANB_MAX_UNFINISHED_VIDEOS": "1000"}  # fmt: skip
        if not self.embedded:
            self.environment |= {"DATABASE_URL": settings.database, "CELERY_BROKER_URL": BROKER}

    def start(self) -> None:
        if self.embedded:
            self.run("up", "anb.cli", "up", "--port", str(self.port))
        else:
            if "MEDIA_ROOT" not in self.environment:
                made_media(self.folder / "media")
            self.run("web", "gunicorn", "-k", "anb.http.protocol.HalfOpenWorker", "-w", "2", "-b",
                     f"127.0.0.1:{self.port}", "--log-level", "error", "anb.api:create_app()")  # fmt: skip
            self.run("worker", "anb.cli", "worker")
        self.until(lambda: self.client.get("/ready").json()["status"] == "ready")

    def run(self, name: str, module: str, *arguments: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], env=self.environment, cwd=self.folder, stderr=log, stdout=log,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        log.close()

    def until(self, done: Callable[[], bool], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if done():
                    return
            except httpx2.TransportError:
                pass  # not up yet, or just killed
            time.sleep(0.1)
        logs = "\n".join(_telling(path)[-5000:] for path in self.folder.glob("*.log"))
        raise AssertionError(f"not within {seconds} s\n{logs}")

    def kill(self, name: str) -> None:
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes.pop(name).wait()

    def stop(self) -> dict[str, int]:
        for process in self.processes.values():
            process.terminate()
        codes = {name: process.wait(120) for name, process in self.processes.items()}
        self.processes.clear()
        return codes

    def sign_up(self, first_name: str) -> dict[str, str]:
        account = wish(first_name, email=f"{uuid.uuid4().hex}@example.com")
        assert self.client.post("/api/auth/signup", json=account).status_code == 201
        login = {"email": account["email"], "password": account["password1"]}
        token = self.client.post("/api/auth/login", json=login).json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def upload(self, headers: dict[str, str], clip: bytes) -> str:
        answer = self.client.post(
            "/api/videos/upload", headers=headers, files={"file": ("c.mp4", clip)}, data={"title": "Triple"}
        )
        assert answer.status_code == 202, answer.text
        video_id: str = answer.json()["id"]
        return video_id

    def video(self, headers: dict[str, str], video_id: str) -> dict[str, Any]:
        video: dict[str, Any] = self.client.get(f"/api/videos/{video_id}", headers=headers).json()
        return video

    def files(self) -> set[str]:
        media = self.folder / "media"
        return {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}


def _telling(log: Path) -> str:
    """Without what is written all the time."""
    return "".join(
        line
        for line in log.read_text().splitlines(keepends=True)
        if not any(often in line for often in ("anb.sweep_", '"method": "GET"'))
    )


@pytest.fixture
def deployment(settings: Settings, tmp_path: Path) -> Iterator[Deployment]:
    folder = tmp_path / "deployment"
    folder.mkdir()
    if not settings.database.startswith("sqlite") and not BROKER:
        pytest.fail("ANB_TEST_BROKER_URL must be set together with ANB_TEST_DATABASE_URL")
    deployment = Deployment(settings, folder)
    yield deployment
    for name in list(deployment.processes):
        deployment.kill(name)
    deployment.client.close()


def log_lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for path in folder.glob("*.log") for line in path.read_text().splitlines() if line[:1] == "{"
    ]


def test_upload_house_format_vote_and_ranking(deployment: Deployment, clip: bytes) -> None:
    deployment.start()
    ana, beto = deployment.sign_up("Ana"), deployment.sign_up("Beto")
    video_id = deployment.upload(ana, clip)
    deployment.until(lambda: deployment.video(ana, video_id)["status"] in {"completed", "failed"})
    video = deployment.video(ana, video_id)
    assert (video["status"], video["progress"]) == ("completed", 100), video
    for url, kind in ((video["processed_url"], "video/mp4"), (video["poster_url"], "image/jpeg")):
        answer = deployment.client.get(url, headers={"Range": "bytes=0-99"})
        assert (answer.status_code, len(answer.content), answer.headers["content-type"]) == (206, 100, kind)
    vote = deployment.client.post(f"/api/public/videos/{video_id}/vote", headers=beto)
    assert (vote.status_code, vote.json()["total_votes"]) == (201, 1)
    ranking = deployment.client.get("/api/public/rankings", headers={"Cache-Control": "no-cache"}).json()
    assert [(row["position"], row["votes"], row["video_id"]) for row in ranking["rankings"]] == [(1, 1, video_id)]
    assert deployment.stop() == dict.fromkeys(["up"] if deployment.embedded else ["web", "worker"], 0)
    lines = [line for line in log_lines(deployment.folder) if line.get("video_id") == video_id]
    by_event = {line["event"]: line for line in lines}
    assert by_event["video_accepted"]["request_id"] == by_event["video_processed"]["request_id"]


def test_the_whole_way_with_the_media_in_s3(deployment: Deployment, clip: bytes, s3_server: S3Server) -> None:
    if deployment.embedded and POSTGRES:
        pytest.skip("one shape is enough, and servers are the likelier one")
    prefix = f"cup/{uuid.uuid4()}"
    deployment.environment |= s3_server.environment | {
        "MEDIA_ROOT": f"s3://{s3_server.bucket}/{prefix}", "ANB_S3_ENDPOINT_URL": s3_server.endpoint,
    }  # fmt: skip
    deployment.start()
    ana = deployment.sign_up("Ana")
    video_id = deployment.upload(ana, clip)
    deployment.until(lambda: deployment.video(ana, video_id)["status"] in {"completed", "failed"})
    video = deployment.video(ana, video_id)
    assert video["status"] == "completed", video
    served = {}
    for name, cached in (
        ("processed_url", "public, max-age=300"), ("poster_url", "public, max-age=300"),
        ("original_url", "private, no-store"),
    ):  # fmt: skip
        there = deployment.client.get(video[name])
        assert (there.status_code, there.headers["cache-control"]) == (307, cached)
        part = httpx2.get(there.headers["location"], headers={"Range": "bytes=4-7"})
        served[name] = (part.status_code, part.content, part.headers["content-type"])
    assert served["processed_url"] == served["original_url"] == (206, b"ftyp", "video/mp4")
    assert (served["poster_url"][0], served["poster_url"][2]) == (206, "image/jpeg")
    found = s3_server.client().list_objects_v2(Bucket=s3_server.bucket, Prefix=prefix)["Contents"]
    kept = {video[name].removeprefix("/media/") for name in ("processed_url", "poster_url", "original_file_path")}
    assert {one["Key"].removeprefix(f"{prefix}/") for one in found} == kept
    assert deployment.client.delete(f"/api/videos/{video_id}", headers=ana).status_code == 204
    assert "Contents" not in s3_server.client().list_objects_v2(Bucket=s3_server.bucket, Prefix=prefix)
    assert [path for path in (deployment.folder / "scratch").rglob("*") if path.is_file()] == []
    assert not (deployment.folder / "media").exists()


def test_the_whole_way_through_rabbitmq(deployment: Deployment, clip: bytes) -> None:
    if deployment.embedded:
        pytest.skip("the embedded shape has its queue inside")
    with virtual_host() as url:
        # No second ring from the sweep: what is processed was heard through RabbitMQ.
        deployment.environment |= {"CELERY_BROKER_URL": url, "ANB_RING_AGAIN_AFTER_S": "600"}
        deployment.start()
        ana = deployment.sign_up("Ana")
        video_id = deployment.upload(ana, clip)
        deployment.until(lambda: deployment.video(ana, video_id)["status"] in {"completed", "failed"})
        assert deployment.video(ana, video_id)["status"] == "completed"
        assert deployment.stop() == {"web": 0, "worker": 0}


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_ends_completed_once_without_strays(deployment: Deployment, clip: bytes) -> None:
    worker = "up" if deployment.embedded else "worker"
    deployment.start()
    ana = deployment.sign_up("Ana")
    video_id = deployment.upload(ana, clip)
    deployment.until(lambda: deployment.video(ana, video_id)["status"] == "processing")
    deployment.kill(worker)
    assert_that_no_ffmpeg_survives(deployment.folder)
    if deployment.embedded:
        deployment.start()
    else:
        deployment.run("worker", "anb.cli", "worker")
    deployment.until(lambda: deployment.video(ana, video_id)["status"] == "completed")
    kept = {deployment.video(ana, video_id)[name].removeprefix("/media/") for name in ("processed_url", "poster_url")}
    deployment.until(lambda: deployment.files() == kept | {f"uploads/{video_id}.mp4"}, 20)


def assert_that_no_ffmpeg_survives(folder: Path) -> None:
    def alive() -> bool:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(folder).encode() in entry.read_bytes() and b"ffmpeg" in entry.read_bytes():
                    return True
            except OSError:
                pass  # ended while we looked
        return False

    until(lambda: not alive())


@pytest.mark.slow
def test_a_stopped_worker_hands_back_within_its_grace_and_exits_0(
    deployment: Deployment, clip: bytes, database: Database
) -> None:
    deployment.environment["ANB_GRACE_S"] = "0"
    deployment.start()
    ana = deployment.sign_up("Ana")
    video_id = deployment.upload(ana, clip)
    deployment.until(lambda: deployment.video(ana, video_id)["status"] == "processing")
    assert set(deployment.stop().values()) == {0}
    if not deployment.embedded:
        with database.read() as session:
            status, failures = session.execute(
                select(Video.status, Video.failures).where(Video.id == uuid.UUID(video_id))
            ).one()
        assert (status, failures) in {("pending", 0), ("completed", 0)}


def test_a_second_process_on_the_same_folder_is_refused(deployment: Deployment) -> None:
    if not deployment.embedded:
        pytest.skip("the lock belongs to the embedded shape")
    deployment.start()
    second = subprocess.run(
        [sys.executable, "-m", "anb.cli", "up", "--port", str(free_port())], env=deployment.environment,
        cwd=deployment.folder, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert second.returncode != 0
    assert "in use by a running" in second.stderr
