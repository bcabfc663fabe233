"""What each storage promises; a new one joins by its line in `stores`."""

import errno
import os
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from anb.storage.base import ORIGINALS, RESULTS, Storage, Writer, is_key
from anb.storage.trouble import StorageError
from tests.storage import stores
from tests.storage.s3_server import S3Server
from tests.storage.stores import Store

PART = 8 * 1024 * 1024


@pytest.fixture(params=["folder", "folder without links", "s3", "two folders"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "folder":
        return stores.folder(tmp_path / "media")
    if request.param == "folder without links":
        monkeypatch.setattr(os, "link", _refuse_to_link)
        return replace(stores.folder(tmp_path / "media"), copies=True)
    if request.param == "two folders":
        return stores.two_folders(tmp_path / "media")
    server: S3Server = request.getfixturevalue("s3_server")
    return stores.bucket(server)


def _refuse_to_link(*_: object) -> None:
    raise OSError(errno.EXDEV, "another file system")


@pytest.fixture
def storage(store: Store) -> Storage:
    return store.storage


@pytest.fixture
def key() -> str:
    return f"{ORIGINALS}/{uuid.uuid4()}.mp4"


def put(storage: Storage, key: str, data: bytes) -> None:
    writer = storage.create(key)
    writer.write(data)
    writer.commit()


def get(storage: Storage, key: str, into: Path) -> bytes:
    with storage.local(key, into) as path:
        return path.read_bytes()


@pytest.mark.parametrize("size", [1, 1_000_000, PART - 1, PART, PART + 1, 2 * PART + 77])
def test_an_object_exists_only_after_its_commit_and_is_what_was_written(
    storage: Storage, tmp_path: Path, key: str, size: int
) -> None:
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    writer = storage.create(key)
    for at in range(0, size, 700_001):
        writer.write(data[at : at + 700_001])
    assert not storage.exists(key)
    assert list(storage.objects(ORIGINALS)) == []
    with pytest.raises(FileNotFoundError), storage.local(key, tmp_path):
        pass
    writer.commit()
    assert storage.exists(key)
    assert get(storage, key, tmp_path) == data
    assert [(stored.key, stored.size) for stored in storage.objects(ORIGINALS)] == [(key, size)]
    (stored,) = storage.objects(ORIGINALS)
    assert abs(storage.now() - stored.modified) < timedelta(minutes=1)  # one clock says both


def test_an_empty_object_is_one(storage: Storage, tmp_path: Path, key: str) -> None:
    put(storage, key, b"")
    assert get(storage, key, tmp_path) == b""


@pytest.mark.parametrize("size", [4, 2 * PART])
def test_an_aborted_object_leaves_nothing(store: Store, key: str, size: int) -> None:
    writer = store.storage.create(key)
    writer.write(bytes(size))
    writer.abort()
    writer.abort()
    assert store.everything() == []


@pytest.mark.parametrize("size", [4, PART + 4])
def test_even_what_was_committed_is_gone_after_an_abort(store: Store, key: str, size: int) -> None:
    writer = store.storage.create(key)
    writer.write(bytes(size))
    writer.commit()
    writer.abort()
    assert not store.storage.exists(key)
    assert store.everything() == []


def test_what_was_fetched_to_be_read_does_not_stay(storage: Storage, tmp_path: Path, key: str) -> None:
    put(storage, key, bytes(3_000_000))
    into = tmp_path / "scratch"
    into.mkdir()
    with storage.local(key, into) as path:
        assert path.stat().st_size == 3_000_000
    assert list(into.iterdir()) == []


def test_a_finished_file_is_taken_over(storage: Storage, tmp_path: Path) -> None:
    source = tmp_path / "out.mp4"
    source.write_bytes(bytes(3_000_000))
    key = f"{RESULTS}/{uuid.uuid4()}.3.mp4"
    storage.put_file(source, key)
    assert [(stored.key, stored.size) for stored in storage.objects(RESULTS)] == [(key, 3_000_000)]


class InterruptedByOwnerError(Exception): ...


@pytest.mark.parametrize("heard", range(3))
def test_who_stores_a_long_file_may_end_it_at_each_chunk(store: Store, tmp_path: Path, key: str, heard: int) -> None:
    """A folder that links takes a file over in no time, and does not ask."""
    source = tmp_path / "out.mp4"
    source.write_bytes(bytes(3_000_000))
    calls = count()

    def alive() -> None:
        if next(calls) == heard:
            raise InterruptedByOwnerError

    if not store.copies:
        store.storage.put_file(source, key, alive)
        assert (store.storage.exists(key), next(calls)) == (True, 0)
        return
    with pytest.raises(InterruptedByOwnerError):
        store.storage.put_file(source, key, alive)
    assert store.everything() == []


def test_a_file_that_cannot_be_read_leaves_nothing(store: Store, tmp_path: Path, key: str) -> None:
    with pytest.raises(FileNotFoundError):
        store.storage.put_file(tmp_path / "absent", key)
    assert store.everything() == []


def test_deleting_twice_is_no_error(storage: Storage, key: str) -> None:
    put(storage, key, b"x")
    storage.delete(key)
    storage.delete(key)
    assert not storage.exists(key)


NO_KEYS = (
    "", "uploads", "uploads/", "uploads/../secret", "../secret", "/etc/passwd", "uploads//etc/passwd", "secrets/x.mp4",
    f"uploads/{uuid.UUID(int=1)}", f"uploads/{uuid.UUID(int=1)}.mp4/..", f"uploads/{uuid.UUID(int=1)}.mp4\n",
    f"uploads/{uuid.UUID(int=1)}.MP4", f"uploads/.{uuid.UUID(int=1)}.mp4",
)  # fmt: skip


def test_what_is_no_key_never_reaches_the_storage(storage: Storage, tmp_path: Path) -> None:
    for key in NO_KEYS:
        assert not is_key(key)
        assert not storage.exists(key)
        for attempt in (partial(storage.place, key, "GET"), partial(storage.create, key), partial(storage.delete, key)):
            with pytest.raises(FileNotFoundError):
                attempt()
        with pytest.raises(FileNotFoundError), storage.local(key, tmp_path):
            pass


@pytest.mark.parametrize("size", [4, PART + 4])
def test_what_dead_writers_left_is_removed_by_age(store: Store, key: str, size: int) -> None:
    writer = store.storage.create(key)
    writer.write(bytes(size))
    assert store.storage.remove_unfinished(datetime.now(UTC) - timedelta(hours=1)) == 0
    store.storage.remove_unfinished(datetime.now(UTC) + timedelta(seconds=5))
    assert store.everything() == []
    assert store.storage.remove_unfinished(datetime.now(UTC) + timedelta(seconds=5)) == 0
    writer.abort()


def test_a_writer_that_was_swept_away_fails_and_commits_no_part(store: Store, key: str) -> None:
    writer = store.storage.create(key)
    writer.write(bytes(PART))
    assert store.storage.remove_unfinished(datetime.now(UTC) + timedelta(seconds=5)) == 1
    with pytest.raises(StorageError):
        _finish(writer)
    writer.abort()
    assert store.everything() == []


def _finish(writer: Writer) -> None:
    writer.write(b"the rest")
    writer.commit()


def test_a_check_leaves_nothing_and_fails_where_writing_would(store: Store) -> None:
    store.storage.check()
    assert store.everything() == []
    store.break_it()
    with pytest.raises(StorageError):
        store.storage.check()


def test_a_place_that_is_gone_is_trouble_and_no_missing_object(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "out.mp4"
    source.write_bytes(b"x")
    store.break_it()
    with pytest.raises(StorageError):
        store.storage.put_file(source, f"{RESULTS}/{uuid.uuid4()}.1.mp4")
    with pytest.raises(StorageError):
        put(store.storage, f"{RESULTS}/{uuid.uuid4()}.1.mp4", b"x")
    with pytest.raises(StorageError):
        list(store.storage.objects(RESULTS))
