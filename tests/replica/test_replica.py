"""Public pages with a real standby that lags, dies, freezes and comes back, and with a primary that is away."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from anb import migrations
from anb.api import create_app
from anb.db import Database
from anb.settings import Settings, SettingsError, load_settings
from tests.cast import Cast
from tests.conftest import POSTGRES, SECRET, empty
from tests.replica.servers import Postgres, primary_and_standby
from tests.storage.stores import made_media
from tests.waiting import until

pytestmark = pytest.mark.skipif(not POSTGRES, reason="no PostgreSQL on this machine")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Postgres, Postgres]]:
    """Not below pytest's own folder: PostgreSQL's user must come through."""
    with tempfile.TemporaryDirectory(prefix="anb-replica-") as folder:
        Path(folder).chmod(0o755)
        with primary_and_standby(Path(folder)) as (primary, standby):
            database = Database(primary.url)
            migrations.upgrade(database)
            database.dispose()
            yield primary, standby


@pytest.fixture
def primary(servers: tuple[Postgres, Postgres]) -> Iterator[Postgres]:
    yield servers[0]
    empty(servers[0].url)


@pytest.fixture
def standby(servers: tuple[Postgres, Postgres]) -> Postgres:
    return servers[1]


@pytest.fixture
def settings(primary: Postgres, standby: Postgres, tmp_path: Path) -> Settings:
    made_media(tmp_path / "media")
    return load_settings(
        database_url=primary.url, database_read_url=standby.url, celery_broker_url="memory://", secret_key=SECRET,
        data_dir=tmp_path, log_level="error", disk_reserve_bytes=0, rate_limits_times=1_000_000,
    )  # fmt: skip


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.fixture
def published(cast: Cast, client: TestClient) -> uuid.UUID:
    """Ana's video; the replica has it, and is read."""
    video_id = cast.video(cast.ana)
    until(lambda: votes(client, video_id) is not None and read_from(client, video_id) == "replica")
    return video_id


def votes(client: TestClient, video_id: uuid.UUID, **headers: str) -> int | None:
    """A page of its own each time, for pages are kept for a second."""
    answer = client.get(f"/api/public/videos/{video_id}?{uuid.uuid4()}", headers=headers)
    return int(answer.json()["votes"]) if answer.status_code == 200 else None


def read_from(client: TestClient, video_id: uuid.UUID) -> str:
    before = reads("replica")
    assert votes(client, video_id) is not None
    return "replica" if reads("replica") > before else "primary"


def reads(source: str) -> float:
    return REGISTRY.get_sample_value("anb_public_reads_total", {"source": source}) or 0


def replica_part(client: TestClient) -> Any:
    answer = client.get("/ready").json()
    return answer["parts"]["replica"]["ok"], answer["status"]


def test_what_is_not_there_yet_is_seen_at_once_by_whoever_asks_for_the_newest(
    client: TestClient, cast: Cast, published: uuid.UUID, standby: Postgres
) -> None:
    standby.ask("SELECT pg_wal_replay_pause()")
    try:
        assert cast.vote(cast.beto, published).json()["total_votes"] == 1
        assert votes(client, published) == 0  # a little behind is allowed
        assert votes(client, published, **{"Cache-Control": "no-cache"}) == 1
        new = cast.video(cast.carla)
        assert votes(client, new) == 0  # not on the replica, so it was looked for on the primary
        until(lambda: votes(client, published) == 1)  # too far behind: the primary is asked
        assert replica_part(client) == (False, "degraded")
    finally:
        standby.ask("SELECT pg_wal_replay_resume()")
    until(lambda: read_from(client, published) == "replica")
    assert votes(client, published) == 1
    assert replica_part(client)[0]


def test_a_dead_replica_costs_no_answer(client: TestClient, published: uuid.UUID, standby: Postgres) -> None:
    standby.kill()
    try:
        assert [votes(client, published) for _ in range(20)] == [0] * 20
        assert read_from(client, published) == "primary"
    finally:
        standby.start()
    until(lambda: read_from(client, published) == "replica")


def test_a_frozen_replica_costs_no_answer(client: TestClient, published: uuid.UUID, standby: Postgres) -> None:
    standby.freeze()
    try:
        assert [votes(client, published) for _ in range(20)] == [0] * 20
        assert read_from(client, published) == "primary"
    finally:
        standby.thaw()
    until(lambda: read_from(client, published) == "replica")


def test_public_pages_stay_while_the_primary_is_away(
    client: TestClient, cast: Cast, published: uuid.UUID, primary: Postgres
) -> None:
    beto = cast.beto
    primary.kill()
    try:
        assert votes(client, published) == 0
        assert client.get("/api/public/rankings").json()["total"] == 1
        assert cast.vote(beto, published).status_code == 503
    finally:
        primary.start()
    until(lambda: cast.vote(beto, published).status_code == 201)
    until(lambda: read_from(client, published) == "replica" and votes(client, published) == 1)


def test_a_replica_needs_its_primary() -> None:
    with pytest.raises(SettingsError, match="ANB_DATABASE_READ_URL"):
        load_settings(database_read_url="postgresql://replica/anb")
    with pytest.raises(SettingsError, match="ANB_DATABASE_READ_URL"):
        load_settings(database_url="postgresql://db/anb", database_read_url="mysql://replica/anb", secret_key=SECRET)
