"""The same tests on each database: SQLite always, PostgreSQL with its broker where ANB_TEST_DATABASE_URL is set."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from starlette.testclient import TestClient

from anb import migrations
from anb.api import create_app
from anb.db import Base, Database
from anb.settings import Settings, load_settings
from tests.broker import own_broker
from tests.cast import Cast
from tests.storage.s3_server import S3Server
from tests.storage.stores import made_media

SECRET = "a secret that only tests know, long enough"
POSTGRES = os.environ.get("ANB_TEST_DATABASE_URL", "")
BROKER = own_broker(os.environ.get("ANB_TEST_BROKER_URL", ""), os.environ.get("PYTEST_XDIST_WORKER", "gw0"))
SHAPES = ["sqlite", "postgresql"] if POSTGRES else ["sqlite"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in {"DATABASE_URL", "CELERY_BROKER_URL", "MEDIA_ROOT", "SECRET_KEY"} or (
            name.startswith("ANB_") and not name.startswith("ANB_TEST_")
        ):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def _s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server.running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3_server(_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """Also the rights to it, where boto3 looks for them."""
    for name, value in _s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return _s3_server


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "anb.db"
    database = Database(f"sqlite:///{path}")
    migrations.upgrade(database)
    database.dispose()
    return path


@pytest.fixture(scope="session")
def _migrated_postgres() -> Iterator[str]:
    """A database of its own for this run, so that runs side by side do not meet."""
    name = f"anb_test_{uuid.uuid4().hex[:12]}"
    server = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = server.set(database=name).render_as_string(hide_password=False)
    database = Database(url)
    migrations.upgrade(database)
    yield url
    database.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=SHAPES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database."""
    if request.param == "sqlite":
        path = tmp_path / "anb.db"
        shutil.copy(request.getfixturevalue("_migrated_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    url: str = request.getfixturevalue("_migrated_postgres")
    yield url
    empty(url)


@pytest.fixture
def new_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """Of a database without anything, of the same kind as the other."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/new.db"
        return
    name = f"anb_new_{uuid.uuid4().hex[:12]}"
    server = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def empty(url: str) -> None:
    """A PostgreSQL that the next test finds as this one did."""
    database = Database(url)
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with database.engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {tables}"))
    database.dispose()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    on_servers = database_url.startswith("postgresql")
    settings = load_settings(
        database_url=database_url,
        celery_broker_url=BROKER if on_servers and BROKER else "memory://",
        secret_key=SECRET,
        data_dir=tmp_path,
        log_level="error",
        disk_reserve_bytes=0,
        max_unfinished_videos=1000,
        rate_limits_times=1_000_000,  # all the people of all tests have one address
    )
    made_media(Path(settings.media))
    return settings


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = Database(settings.database)
    yield database
    database.dispose()


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers={"Accept-Language": "en"}) as client:
        yield client


@pytest.fixture
def cast(client: TestClient, database: Database) -> Cast:
    """Ana plays, Beto votes, Carla is a stranger."""
    return Cast(client, database)
