"""What each storage promises; a new one joins by its fixture."""

import errno
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anb.storage.base import ORIGINALS, RESULTS, is_key
from anb.storage.local import LocalStorage


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "media")


@pytest.fixture
def key() -> str:
    return f"{ORIGINALS}/{uuid.uuid4()}.mp4"


def store(storage: LocalStorage, key: str, data: bytes) -> None:
    writer = storage.create(key)
    writer.write(data)
    writer.commit()


def everything(storage: LocalStorage) -> list[Path]:
    return [path for path in storage.root.rglob("*") if path.is_file()]


def test_an_object_exists_only_after_its_commit(storage: LocalStorage, key: str) -> None:
    writer = storage.create(key)
    writer.write(b"half")
    assert not storage.exists(key)
    assert list(storage.objects(ORIGINALS)) == []
    writer.write(b" and half")
    writer.commit()
    with storage.local(key) as path:
        assert path.read_bytes() == b"half and half"
    assert [(stored.key, stored.size) for stored in storage.objects(ORIGINALS)] == [(key, 13)]


def test_an_aborted_object_leaves_nothing(storage: LocalStorage, key: str) -> None:
    writer = storage.create(key)
    writer.write(b"half")
    writer.abort()
    writer.abort()
    assert everything(storage) == []


def test_a_finished_file_is_taken_over(storage: LocalStorage, tmp_path: Path) -> None:
    source = tmp_path / "out.mp4"
    source.write_bytes(bytes(3_000_000))
    key = f"{RESULTS}/{uuid.uuid4()}.3.mp4"
    storage.put_file(source, key)
    assert [(stored.key, stored.size) for stored in storage.objects(RESULTS)] == [(key, 3_000_000)]


def test_a_file_that_cannot_be_read_leaves_nothing(storage: LocalStorage, tmp_path: Path, key: str) -> None:
    with pytest.raises(FileNotFoundError):
        storage.put_file(tmp_path / "absent", key)
    assert everything(storage) == []


def test_deleting_twice_is_no_error(storage: LocalStorage, key: str) -> None:
    store(storage, key, b"x")
    storage.delete(key)
    storage.delete(key)
    assert not storage.exists(key)


@pytest.mark.parametrize(
    "key",
    [
        "", "uploads", "uploads/", "uploads/../secret", "../secret", "/etc/passwd", "uploads//etc/passwd",
        "secrets/x.mp4",
        f"uploads/{uuid.UUID(int=1)}", f"uploads/{uuid.UUID(int=1)}.mp4/..", f"uploads/{uuid.UUID(int=1)}.mp4\n",
        f"uploads/{uuid.UUID(int=1)}.MP4", f"uploads/.{uuid.UUID(int=1)}.mp4",
    ],
)  # fmt: skip
def test_what_is_no_key_never_reaches_the_file_system(storage: LocalStorage, key: str) -> None:
    assert not is_key(key)
    assert not storage.exists(key)
    with pytest.raises(FileNotFoundError):
        storage.path(key)


def test_what_dead_writers_left_is_removed_by_age(storage: LocalStorage, key: str) -> None:
    writer = storage.create(key)
    writer.write(b"half")
    assert storage.remove_unfinished(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert storage.remove_unfinished(datetime.now(UTC) + timedelta(seconds=1)) == 1
    assert everything(storage) == []
    writer.abort()


def test_a_check_leaves_nothing_and_fails_where_writing_would(storage: LocalStorage) -> None:
    storage.check()
    assert everything(storage) == []
    assert storage.free_bytes() > 0
    (storage.root / RESULTS).rmdir()
    with pytest.raises(OSError) as raised:
        storage.check()
    assert raised.value.errno == errno.ENOENT


def test_a_long_object_is_synced_on_the_way(storage: LocalStorage, key: str) -> None:
    writer = storage.create(key)
    for _ in range(5):
        writer.write(bytes(8 * 1024 * 1024))
    writer.commit()
    assert storage.path(key).stat().st_size == 40 * 1024 * 1024
