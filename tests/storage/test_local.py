"""A folder, and one whose disk fails: whatever call fails, an object is whole or it is not there."""

import errno
import os
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from anb.storage import local
from anb.storage.base import ORIGINALS
from anb.storage.local import LocalStorage
from anb.storage.trouble import StorageError
from tests.storage.stores import made

KEY = f"{ORIGINALS}/{uuid.UUID(int=7)}.mp4"
TROUBLES = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.ESTALE, errno.EROFS)
_DONE_AND_YET_FAILED = (os.fsync, os.fdatasync, os.link, Path.rename, Path.replace, Path.unlink)


class FailingDisk:
    """By a plan that the seed draws: a call does its work, does it in part, or fails before or after doing it."""

    def __init__(self, seed: int) -> None:
        self._plan = random.Random(seed)
        self.odds = self._plan.choice([0.02, 0.1, 0.3])
        self.works = False

    def call(self, work: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if self.works or self._plan.random() >= self.odds:
            return work(*arguments, **options)
        if work in _DONE_AND_YET_FAILED and self._plan.random() < 0.5:
            work(*arguments, **options)
        raise OSError(self._plan.choice(TROUBLES), "the disk fails")

    def take(self, file: Any, data: Any) -> int:
        """A short write is no error."""
        if not self.works and self._plan.random() < self.odds:
            data = data[: self._plan.randrange(len(data)) + 1]
        taken: int = self.call(file.write, data)
        return taken


class FailingFile:
    def __init__(self, disk: FailingDisk, file: Any) -> None:
        self._disk, self._file = disk, file

    def write(self, data: Any) -> int:
        return self._disk.take(self._file, data)

    def close(self) -> None:
        try:
            self._disk.call(lambda: None)
        finally:
            self._file.close()

    def fileno(self) -> int:
        number: int = self._file.fileno()
        return number


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[FailingDisk], None]:
    """Puts a disk under the folder storage."""

    def put(disk: FailingDisk) -> None:
        monkeypatch.undo()
        for module, name in ((os, "fsync"), (os, "fdatasync"), (os, "open"), (os, "link")):
            real = getattr(module, name)
            monkeypatch.setattr(os, name, lambda *given, real=real: disk.call(real, *given))
        for name in ("rename", "replace", "unlink"):
            real = getattr(Path, name)
            monkeypatch.setattr(Path, name, lambda *given, real=real, **more: disk.call(real, *given, **more))
        real_open = Path.open
        monkeypatch.setattr(
            local, "open_new", lambda path: FailingFile(disk, disk.call(real_open, path, "xb", buffering=0))
        )

    return put


Way = Callable[[LocalStorage, bytes], bool]


def _piece_by_piece(storage: LocalStorage, data: bytes) -> bool:
    try:
        writer = storage.create(KEY)
    except StorageError:
        return False
    try:
        for at in range(0, len(data), 999):
            writer.write(data[at : at + 999])
        writer.commit()
    except StorageError:
        writer.abort()
        return False
    return True


def _as_a_file(storage: LocalStorage, data: bytes) -> bool:
    source = storage.root / "finished"
    source.write_bytes(data)
    try:
        storage.put_file(source, KEY)
    except StorageError:
        return False
    return True


@pytest.mark.parametrize("store", [_piece_by_piece, _as_a_file])
@pytest.mark.parametrize("first_seed", range(0, 400, 100))
def test_all_or_nothing_on_a_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail: Callable[[FailingDisk], None], first_seed: int, store: Way
) -> None:
    monkeypatch.setattr(local, "SYNC_EVERY", 5000)
    outcomes = {"stored": 0, "refused": 0}
    for seed in range(first_seed, first_seed + 100):
        storage = made(tmp_path / str(seed))
        data = random.Random(seed).randbytes(random.Random(seed).randrange(1, 20_000))
        disk = FailingDisk(seed)
        fail(disk)
        stored = store(storage, data)
        disk.works = True
        outcomes["stored" if stored else "refused"] += 1
        if stored or storage.exists(KEY):  # an abort may fail like everything else; then the sweep has it, whole
            assert storage.path(KEY).read_bytes() == data, f"seed {seed}"
        storage.remove_unfinished(datetime.now(UTC) + timedelta(seconds=5))
        left = [path.name for path in (storage.root / ORIGINALS).iterdir()]
        assert left == [Path(KEY).name] * storage.exists(KEY), f"seed {seed}"
    assert min(outcomes.values()) > 10, outcomes


def test_a_finished_file_is_stored_without_a_copy_and_may_be_stored_again(tmp_path: Path) -> None:
    storage = made(tmp_path)
    source = tmp_path / "finished"
    source.write_bytes(b"all of it")
    os.utime(source, (0, 0))
    for _ in range(2):
        storage.put_file(source, KEY)
        assert source.samefile(storage.path(KEY))
    [stored] = storage.objects(ORIGINALS)
    assert datetime.now(UTC) - stored.modified < timedelta(minutes=1)  # the sweep must not take it for an old stray
    assert [path.name for path in (tmp_path / ORIGINALS).iterdir()] == [Path(KEY).name]


@pytest.mark.parametrize("refusal", [errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP])
def test_a_finished_file_is_copied_where_it_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(refusal, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    storage = made(tmp_path)
    source = tmp_path / "finished"
    source.write_bytes(b"all of it")
    storage.put_file(source, KEY)
    assert storage.path(KEY).read_bytes() == b"all of it"
    assert not source.samefile(storage.path(KEY))
    assert [path.name for path in (tmp_path / ORIGINALS).iterdir()] == [Path(KEY).name]


def test_a_long_object_is_synced_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    writer = made(tmp_path).create(KEY)
    for _ in range(9):
        writer.write(bytes(8 * 1024 * 1024))
    writer.commit()
    assert len(synced) == 2


def test_a_check_that_fails_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked every few seconds, and a full disk lets a file be made that cannot be written."""
    storage = made(tmp_path)

    def full(path: Path, _: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError):
        storage.check()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
