"""A workbench that converts for real; and a workshop with a stand-in for the conversion, which has tests of its own."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from anb.db import Database
from anb.processing import service
from anb.processing.convert import Converted, convert
from anb.processing.ffmpeg import find_ffmpeg
from anb.processing.limits import Limits
from anb.processing.notices import Notice
from anb.processing.service import Workshop
from anb.processing.sweep import ByteSweeper, RowSweeper
from anb.settings import Settings
from anb.storage import open_storage
from anb.storage.base import ORIGINALS
from anb.storage.local import LocalStorage
from anb.videos.lifecycle import Status
from anb.videos.models import Video
from anb.worker import Shutdown, make_workshop
from tests.cast import Cast
from tests.media.factory import Samples
from tests.processing.test_house_format import KEPT


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


class Workbench:
    """Converts and remembers nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress: list[float] = []

    def convert(self, source: Path) -> Converted:
        return convert(source, self.folder, Limits(), on_progress=self.progress.append)


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    folder = tmp_path / "work"
    folder.mkdir()
    return Workbench(folder)


@pytest.fixture(params=["system", "packaged"])
def either_ffmpeg(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one on the PATH, then the one that comes in a package: their versions are years apart."""
    if request.param == "packaged":
        monkeypatch.setenv("PATH", str(tmp_path))
    find_ffmpeg.cache_clear()
    assert ("imageio_ffmpeg" in str(find_ffmpeg())) or request.param == "system"
    yield
    find_ffmpeg.cache_clear()


class Converter:
    """Makes two small files; `during` happens in the middle of it."""

    def __init__(self) -> None:
        self.during: Callable[[Any], None] = lambda on_progress: on_progress(50.0)
        self.runs = 0
        self.notices: tuple[Notice, ...] = ()

    def __call__(
        self, source: Path, workdir: Path, _limits: object, _rules: object, *, on_progress: Callable[[float], None]
    ) -> Any:
        self.runs += 1
        self.during(on_progress)
        for name in ("house.mp4", "poster.jpg"):
            (workdir / name).write_bytes(source.read_bytes())
        return Converted(workdir / "house.mp4", workdir / "poster.jpg", KEPT, self.notices)


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> Converter:
    converter = Converter()
    monkeypatch.setattr(service, "convert", converter)
    monkeypatch.setattr(service, "_HEARTBEAT_S", 0.0)
    return converter


@pytest.fixture
def shutdown() -> Shutdown:
    return Shutdown()


@pytest.fixture
def workshop(settings: Settings, database: Database, shutdown: Shutdown, converter: Converter) -> Workshop:
    return make_workshop(settings, database, shutdown, lambda: None)


@pytest.fixture
def rung() -> list[uuid.UUID]:
    return []


@pytest.fixture
def sweeper(database: Database, rung: list[uuid.UUID]) -> RowSweeper:
    def ring(video_id: uuid.UUID) -> bool:
        rung.append(video_id)
        return True

    return RowSweeper(database, ring, 3, ring_again_after_s=30)


@pytest.fixture
def byte_sweeper(settings: Settings, database: Database) -> ByteSweeper:
    return ByteSweeper(database, open_storage(settings), settings.scratch, orphan_age_s=3600)


@pytest.fixture
def storage(settings: Settings) -> LocalStorage:
    return LocalStorage(Path(settings.media))


@pytest.fixture
def video_id(cast: Cast, storage: LocalStorage) -> uuid.UUID:
    video_id = cast.video(cast.ana, status=Status.PENDING)
    storage.path(f"{ORIGINALS}/{video_id}.mp4").write_bytes(b"original")
    return video_id


def pending(cast: Cast, storage: LocalStorage, original: bytes) -> uuid.UUID:
    video_id = cast.video(cast.ana, status=Status.PENDING)
    storage.path(f"{ORIGINALS}/{video_id}.mp4").write_bytes(original)
    return video_id


def row(database: Database, video_id: uuid.UUID) -> Video:
    with database.read() as session:
        return session.get_one(Video, video_id)


def change(database: Database, video_id: uuid.UUID, **values: Any) -> None:
    with database.write() as session:
        session.execute(update(Video).where(Video.id == video_id).values(**values))


def files(storage: LocalStorage) -> set[str]:
    return {str(path.relative_to(storage.root)) for path in storage.root.rglob("*") if path.is_file()}
