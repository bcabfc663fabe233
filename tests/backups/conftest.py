import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cast import MP4_HEAD, Cast
from tests.storage.stores import made

from anb.db import Database
from anb.storage.local import LocalStorage
from anb.videos.lifecycle import Status
from anb.videos.models import Video


@pytest.fixture
def new(new_url: str) -> Iterator[Database]:
    database = Database(new_url)
    yield database
    database.dispose()


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return made(tmp_path / "media")


@pytest.fixture
def new_storage(tmp_path: Path) -> LocalStorage:
    return made(tmp_path / "new-media")


class Contest:
    """Rows with their bytes: one of each state, and votes."""

    def __init__(self, cast: Cast, storage: LocalStorage) -> None:
        self.cast = cast
        self.storage = storage
        self.waiting = self.accepted()
        self.running = self.accepted()
        self.published = cast.video(cast.ana)
        self.unloved = cast.video(cast.carla)
        for video_id in (self.published, self.unloved):
            for key in (f"uploads/{video_id}.mp4", f"processed/{video_id}.1.mp4", f"processed/{video_id}.1.jpg"):
                self.put(key, key.encode() * 1000)
        with cast.database.write() as session:
            session.get_one(Video, self.running).status = Status.PROCESSING
            for video_id in (self.published, self.unloved):
                video = session.get_one(Video, video_id)
                video.original_sha256 = hashlib.sha256(self.storage.path(video.original_key).read_bytes()).hexdigest()
        assert [cast.vote(who, self.published).status_code for who in (cast.beto, cast.carla)] == [201, 201]

    def accepted(self) -> uuid.UUID:
        return uuid.UUID(self.cast.upload(self.cast.ana, MP4_HEAD + uuid.uuid4().bytes).json()["video_id"])

    def put(self, key: str, content: bytes) -> None:
        writer = self.storage.create(key)
        writer.write(content)
        writer.commit()

    def content(self) -> dict[str, bytes]:
        return content(self.storage)


def content(storage: LocalStorage) -> dict[str, bytes]:
    return {stored.key: storage.path(stored.key).read_bytes() for folder in ("uploads", "processed")
            for stored in storage.objects(folder)}  # fmt: skip


@pytest.fixture
def contest(cast: Cast, storage: LocalStorage) -> Contest:
    return Contest(cast, storage)
