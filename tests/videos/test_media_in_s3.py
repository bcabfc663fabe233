"""The API with its media in S3: both ways of uploading, links, and what clients hear while S3 is away."""

import uuid
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from anb.api import create_app
from anb.db import Database
from anb.settings import Settings
from anb.storage.base import ORIGINALS
from anb.storage.s3 import S3Storage
from tests.cast import MP4_HEAD, Cast, problem
from tests.server import free_port
from tests.storage.s3_server import S3Server
from tests.uploads.speaker import VIDEO, Tus


@pytest.fixture
def app(settings: Settings, s3_server: S3Server) -> FastAPI:
    place = f"s3://{s3_server.bucket}/{uuid.uuid4()}"
    return create_app(settings.model_copy(update={"media_root": place, "s3_endpoint_url": s3_server.endpoint}))


@pytest.fixture
def outage(app: FastAPI) -> Any:
    """S3 is away from when it is entered; `mend` ends it."""
    storage: S3Storage = app.state.storage
    there = storage.client
    away = S3Storage("s3://contest", endpoint=f"http://127.0.0.1:{free_port()}").client

    class Outage:
        def begin(self) -> None:
            storage.client = away

        def mend(self) -> None:
            storage.client = there

    return Outage()


def stored(app: FastAPI) -> list[str]:
    return [one.key for one in app.state.storage.objects(ORIGINALS)]


def test_an_original_is_seen_by_a_signed_link_and_by_its_owner_alone(
    cast: Cast, client: TestClient, app: FastAPI
) -> None:
    video_id = cast.upload(cast.ana).json()["id"]
    assert stored(app) == [f"{ORIGINALS}/{video_id}.mp4"]
    link = client.get(f"/api/videos/{video_id}", headers=cast.ana.headers).json()["original_url"]
    answer = client.get(link, follow_redirects=False)
    assert (answer.status_code, answer.headers["cache-control"]) == (307, "private, no-store")
    assert "X-Amz-Expires=600" in answer.headers["location"]
    assert client.get(link.partition("?")[0], follow_redirects=False).status_code == 403
    assert client.get("/media/uploads/../secret", follow_redirects=False).status_code == 404


def test_while_s3_is_away_an_upload_is_503_and_leaves_no_row(
    cast: Cast, client: TestClient, outage: Any, database: Database
) -> None:
    assert client.get("/ready").json()["parts"]["storage"]["ok"]
    outage.begin()
    answer = cast.upload(cast.ana)
    problem(answer, 503, "temporarily_unavailable")
    assert answer.headers["retry-after"]
    ready = client.get("/ready")
    assert (ready.status_code, ready.json()["parts"]["storage"]["ok"]) == (503, False)
    assert client.get("/api/videos", headers=cast.ana.headers).json() == []
    outage.mend()
    assert cast.upload(cast.ana).status_code == 202


def test_a_video_that_is_deleted_while_s3_is_away_is_gone_for_its_player(
    cast: Cast, client: TestClient, app: FastAPI, outage: Any
) -> None:
    video_id = cast.upload(cast.ana).json()["id"]
    outage.begin()
    assert client.delete(f"/api/videos/{video_id}", headers=cast.ana.headers).status_code == 204
    outage.mend()
    assert stored(app) == [f"{ORIGINALS}/{video_id}.mp4"]  # left for the sweep


def test_a_resumable_upload_outlasts_an_outage_of_s3(cast: Cast, client: TestClient, app: FastAPI, outage: Any) -> None:
    """Its pieces are taken meanwhile. Only the last one hears of it, and the same call finishes it later."""
    ana = Tus(client, cast.ana)
    outage.begin()
    url = ana.url()
    assert ana.append(url, 0, VIDEO[:5000]).status_code == 204
    answer = ana.append(url, 5000, VIDEO[5000:])
    problem(answer, 503, "temporarily_unavailable")
    assert client.get("/api/videos", headers=cast.ana.headers).json() == []
    outage.mend()
    assert ana.offset(url) == len(VIDEO)
    (video,) = client.get("/api/videos", headers=cast.ana.headers).json()
    assert stored(app) == [f"{ORIGINALS}/{video['id']}.mp4"]
    with app.state.storage.local(stored(app)[0], app.state.settings.data_dir) as path:
        assert path.read_bytes() == VIDEO
    assert VIDEO.startswith(MP4_HEAD)
