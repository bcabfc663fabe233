"""A server that starts where the share is not mounted: its mount point is there, and empty."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient
from tests.cast import Cast, Person, problem
from tests.storage.stores import made
from tests.uploads.speaker import VIDEO, Tus, upload_id

from anb.api import create_app
from anb.db import Database
from anb.settings import Settings
from anb.uploads.models import Upload
from anb.uploads.sweep import UploadSweeper


class Share:
    def __init__(self, point: Path) -> None:
        self.point = point
        self._server = point.with_name("file server")

    def unmount(self) -> None:
        self.point.rename(self._server)
        self.point.mkdir()

    def mount(self) -> None:
        """What was written into the mount point would be hidden now."""
        self.point.rmdir()
        self._server.rename(self.point)


@pytest.fixture
def share(settings: Settings) -> Share:
    return Share(Path(settings.media))


@pytest.fixture
def started(settings: Settings, share: Share, cast: Cast, ana: Person, begun: str) -> Iterator[TestClient]:
    share.unmount()
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture
def ana(cast: Cast) -> Person:
    return cast.ana


@pytest.fixture
def begun(cast: Cast, ana: Person) -> str:
    """A resumable upload that has got half of its bytes."""
    tus = Tus(cast.client, ana)
    url = tus.url()
    tus.append(url, 0, VIDEO[:5000])
    return url


def test_nothing_is_taken_and_nothing_is_lost(
    started: TestClient, share: Share, cast: Cast, ana: Person, begun: str
) -> None:
    tus = Tus(started, ana)
    here = Cast(started, cast.database)
    problem(here.upload(ana), 503, "temporarily_unavailable")
    problem(tus.begin(), 503, "temporarily_unavailable")
    problem(tus.append(begun, 5000, VIDEO[5000:]), 503, "temporarily_unavailable")
    problem(tus.ask("DELETE", begun), 503, "temporarily_unavailable")
    assert tus.ask("HEAD", begun).status_code == 503  # 404 would send the phone back to its first byte
    share.mount()
    assert here.upload(ana).status_code == 202
    assert tus.offset(begun) == 5000
    assert tus.append(begun, 5000, VIDEO[5000:]).status_code == 204


def test_what_is_stored_is_unknown_and_not_gone(started: TestClient, share: Share, cast: Cast, ana: Person) -> None:
    video_id = cast.video(ana)
    assert started.get(f"/media/processed/{video_id}.1.mp4").status_code == 503
    share.mount()
    assert started.get(f"/media/processed/{video_id}.1.mp4").status_code == 404


def test_it_is_not_ready(started: TestClient, share: Share) -> None:
    assert started.get("/ready").json()["parts"]["storage"]["ok"] is False
    share.mount()
    assert started.get("/ready").json()["parts"]["storage"]["ok"] is True


def test_the_sweeps_leave_the_rows_alone(started: TestClient, begun: str, database: Database) -> None:
    with database.write() as session:
        session.execute(update(Upload).values(expires_at=datetime(2020, 1, 1, tzinfo=UTC)))
    UploadSweeper(started.app.state.uploads, lambda _: True, orphan_age_s=0).sweep()  # type: ignore[attr-defined]
    with database.read() as session:
        assert session.scalars(select(Upload.id)).all() == [uuid.UUID(upload_id(begun))]


def test_where_media_were_moved_or_copied_to_resumable_uploads_grow_too(
    settings: Settings, tmp_path: Path, cast: Cast, ana: Person
) -> None:
    made(tmp_path / "new")  # as `anb storage move` does
    with TestClient(create_app(settings.model_copy(update={"media_root": str(tmp_path / "new")}))) as client:
        assert client.get("/ready").json()["parts"]["storage"]["ok"] is True
        assert Tus(client, ana).begin().status_code == 201
