"""The drill: back up a real server under load, destroy it, restore, and hold it against what clients were told.

`make drill` prints the times.
"""

import json
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import select, text
from tests.cast import MP4_HEAD
from tests.e2e.test_shapes import Deployment, clip

from anb.backups.place import sha256_of
from anb.db import Database
from anb.settings import Settings
from anb.videos.models import Video
from anb.voting.models import Vote

__all__ = ["clip"]  # the fixture

_UPLOADS = 15
_VOTES = 5


@dataclass
class Journal:
    """What the clients were told, as it was at any moment."""

    videos: dict[str, bytes] = field(default_factory=dict)
    votes: set[tuple[str, str]] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)


class Load:
    """Three players who upload, vote for what is published, and now and then delete what they sent."""

    def __init__(self, deployment: Deployment, published: str) -> None:
        self._deployment = deployment
        self._published = published
        self.journal = Journal()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._play, args=(name,)) for name in ("Ana", "Beto", "Carla")]
        self.errors: list[Exception] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        assert self.errors == []

    def wait_for(self, uploads: int, votes: int) -> None:
        self._deployment.until(
            lambda: bool(self.errors) or (len(self.journal.videos) >= uploads and len(self.journal.votes) >= votes)
        )

    def so_far(self) -> Journal:
        return Journal(dict(self.journal.videos), set(self.journal.votes), set(self.journal.deleted))

    def _play(self, name: str) -> None:
        try:
            headers = self._deployment.sign_up(name)
            while not self._ended.is_set():
                self._upload(headers)
                self._vote_as_somebody_new()
        except Exception as error:  # noqa: BLE001 - told at the end
            self.errors.append(error)

    def _upload(self, headers: dict[str, str]) -> None:
        body = MP4_HEAD + uuid.uuid4().bytes * 5000
        in_pieces = len(self.journal.videos) % 3 == 0
        video_id = (self._upload_in_pieces if in_pieces else self._deployment.upload)(headers, body)
        self.journal.videos[video_id] = body
        if len(self.journal.videos) % 7 == 0:
            self.journal.deleted.add(video_id)  # before it is asked for: from now on nobody is promised anything
            answer = self._deployment.client.delete(f"/api/videos/{video_id}", headers=headers)
            assert answer.status_code == 204, answer.text

    def _upload_in_pieces(self, headers: dict[str, str], body: bytes) -> str:
        client, tus = self._deployment.client, headers | {"tus-resumable": "1.0.0"}
        metadata = {"upload-length": str(len(body)), "upload-metadata": "title VHJpcGxl"}
        answer = client.post("/api/uploads", headers=tus | metadata)
        assert answer.status_code == 201, answer.text
        where, half = answer.headers["location"], len(body) // 2
        for offset, piece in ((0, body[:half]), (half, body[half:])):
            kind = {"upload-offset": str(offset), "content-type": "application/offset+octet-stream"}
            answer = client.patch(where, headers=tus | kind, content=piece)
            assert answer.status_code == 204, answer.text
        video_id: str = client.get(where, headers=tus).json()["video_id"]
        return video_id

    def _vote_as_somebody_new(self) -> None:
        voter = self._deployment.sign_up("Dora")
        answer = self._deployment.client.post(f"/api/public/videos/{self._published}/vote", headers=voter)
        assert answer.status_code == 201, answer.text
        self.journal.votes.add((self._published, answer.json()["user_id"]))


@pytest.fixture
def deployment(settings: Settings, new_url: str, tmp_path: Path) -> Iterator[Deployment]:
    """On a database that may be destroyed."""
    folder = tmp_path / "deployment"
    folder.mkdir()
    url = settings.database if settings.database.startswith("sqlite") else new_url
    deployment = Deployment(settings.model_copy(update={"database_url": url}), folder)
    if not deployment.embedded:
        anb(deployment, "migrate")
    yield deployment
    for name in list(deployment.processes):
        deployment.kill(name)
    deployment.client.close()


def anb(deployment: Deployment, *arguments: str | Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "anb.cli", *map(str, arguments), "--json"]
    done = subprocess.run(
        command, env=deployment.environment, cwd=deployment.folder, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def database_of(deployment: Deployment) -> Database:
    embedded = f"sqlite:///{deployment.folder}/anb.db"
    return Database(embedded if deployment.embedded else deployment.settings.database)


def destroy(deployment: Deployment) -> float:
    for name in list(deployment.processes):
        deployment.kill(name)
    shutil.rmtree(deployment.folder / "media")
    if deployment.embedded:
        for file in deployment.folder.glob("anb.db*"):
            file.unlink()
    else:
        database = database_of(deployment)
        with database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        database.dispose()
    return time.time()


def test_what_was_acknowledged_before_a_backup_survives_the_loss_of_everything(
    deployment: Deployment, clip: bytes, tmp_path: Path
) -> None:
    to = tmp_path / "backups"
    deployment.start()
    owner = deployment.sign_up("Eva")
    published = deployment.upload(owner, clip)
    deployment.until(lambda: deployment.video(owner, published)["status"] == "completed")
    with Load(deployment, published) as load:
        load.wait_for(_UPLOADS, _VOTES)
        promised = load.so_far()
        backup = anb(deployment, "backup", to)
        load.wait_for(len(load.journal.videos) + 3, len(load.journal.votes) + 3)
        deleted = load.journal.deleted
    lost_at = destroy(deployment)

    restored = anb(deployment, "restore", to, "--verify")
    assert restored["whole"]
    database = database_of(deployment)
    with database.read() as session:
        videos = {str(video.id): video for video in session.scalars(select(Video))}
        votes = {(str(vote.video_id), str(vote.player_id)) for vote in session.scalars(select(Vote))}
    database.dispose()
    assert promised.votes <= votes
    assert promised.videos.keys() - deleted <= videos.keys()
    assert all(video.status != "processing" for video in videos.values())
    media = deployment.folder / "media"
    for video_id in promised.videos.keys() & videos.keys():
        assert (media / videos[video_id].original_key).read_bytes() == promised.videos[video_id]
    with (media / videos[published].original_key).open("rb") as file:
        assert sha256_of(file) == videos[published].original_sha256

    started = time.monotonic()
    deployment.start()
    assert deployment.video(owner, published)["votes"] == len(votes)
    gap_s = lost_at - datetime.fromisoformat(backup["snapshot_at"]).timestamp()
    print(  # noqa: T201 - `make drill` shows it
        f"{'embedded' if deployment.embedded else 'servers'}: {len(promised.videos)} uploads and {len(promised.votes)}"
        f" votes were acknowledged before the backup ({backup['elapsed_s']} s under load); 0 lost."
        f" RTO {restored['rto_s']} s and {time.monotonic() - started:.1f} s to start; RPO {gap_s:.1f} s."
    )
