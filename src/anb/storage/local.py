"""A folder, also one that NFS shares between hosts.

Layout: `uploads/<video>.<ext>` and `processed/<video>.<attempt>.<ext>`; on its way in, an object is a hidden
`.part` file in the same folder (each may be a mount of its own), renamed when it is complete and on disk.
Needs read and write on both folders. Promises no more durability than the file system's fsync does.
"""

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path

from anb.storage.base import ORIGINALS, RESULTS, Method, StoredObject, checked, is_key, pour
from anb.storage.trouble import StorageError, as_storage_error

SYNC_EVERY = 32 * 1024 * 1024
"""Bytes: a steady trickle to disk instead of one long stall at the end."""
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


class LocalStorage:
    def __init__(self, root: Path) -> None:
        self.root = root

    @as_storage_error()
    def make(self) -> None:
        """Its folders, before anything is stored in a new place. Never by who only opens it: where they are not there,
        the share is not mounted, and what was written under it would be hidden as soon as it is."""
        for folder in (ORIGINALS, RESULTS):
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    @as_storage_error()
    def is_made(self) -> bool:
        return all((self.root / folder).is_dir() for folder in (ORIGINALS, RESULTS))

    def path(self, key: str) -> Path:
        """Raises FileNotFoundError for what is no key: traversal never reaches the file system."""
        return self.root / checked(key)

    def create(self, key: str) -> "LocalWriter":
        return LocalWriter(self.path(key))

    @as_storage_error(FileNotFoundError)
    def put_file(self, path: Path, key: str, alive: Callable[[], None] = lambda: None) -> None:
        target = self.path(key)
        _settle(path)
        if not _linked(path, target):
            pour(path, LocalWriter(target), alive)

    @contextmanager
    def local(self, key: str, into: Path, alive: Callable[[], None] = lambda: None) -> Iterator[Path]:
        del into, alive  # it is here already
        yield self._present(key)

    def place(self, key: str, method: Method) -> Path:
        del method  # a file serves both
        return self._present(key)

    @as_storage_error(FileNotFoundError)
    def _present(self, key: str) -> Path:
        path = self.path(key)
        if not path.is_file():
            require_folder(path.parent)
            raise FileNotFoundError(key)
        return path

    def exists(self, key: str) -> bool:
        try:
            self._present(key)
        except FileNotFoundError:
            return False
        return True

    def delete(self, key: str) -> None:
        path = self.path(key)
        with as_storage_error():
            require_folder(path.parent)
            path.unlink(missing_ok=True)

    def objects(self, folder: str) -> Iterator[StoredObject]:
        with as_storage_error(), os.scandir(self.root / folder) as entries:
            for entry in entries:
                key = f"{folder}/{entry.name}"
                with suppress(FileNotFoundError):  # deleted while we list
                    if is_key(key):
                        status = entry.stat()
                        yield StoredObject(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))

    @as_storage_error()
    def now(self) -> datetime:
        return datetime.fromtimestamp(min(clock_of(self.root / folder) for folder in (ORIGINALS, RESULTS)), UTC)

    @as_storage_error()
    def remove_unfinished(self, before: datetime) -> int:
        removed = 0
        for folder in (ORIGINALS, RESULTS):
            for part in (self.root / folder).glob(".*.part"):
                with suppress(FileNotFoundError):
                    if part.stat().st_mtime < before.timestamp():
                        part.unlink()
                        removed += 1
        return removed

    @as_storage_error()
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free

    @as_storage_error()
    def check(self) -> None:
        for folder in (ORIGINALS, RESULTS):
            probe = self.root / folder / f".{uuid.uuid4()}.part"
            try:
                probe.write_bytes(b"anb")
            finally:  # a full disk lets it be made and not be written, each time that somebody asks
                probe.unlink(missing_ok=True)


def require_folder(folder: Path) -> None:
    """Raises StorageError: without its folder a file may be anywhere, and is not known to be gone."""
    if not folder.is_dir():
        raise StorageError(errno.ENOENT, "the folder is not there; is its share mounted?", str(folder))


def _settle(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    os.utime(path)  # the sweep judges by age what has no row yet


@as_storage_error()
def clock_of(folder: Path) -> float:
    """What the clock says that writes the times of files there, which over NFS is the server's. Needs no room."""
    os.utime(folder)
    return folder.stat().st_mtime


@as_storage_error()
def _linked(path: Path, target: Path) -> bool:
    """A second name instead of a second copy; False where that cannot be, as on another file system."""
    made = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        os.link(path, made)
        made.replace(target)  # over what an earlier attempt left
        made.unlink(missing_ok=True)  # if that was this same file, replacing did nothing
        made = target
        sync_folder(target.parent)
    except OSError as error:
        with suppress(OSError):
            made.unlink(missing_ok=True)
        if error.errno in _NO_LINKS:
            return False
        raise
    return True


class LocalWriter:
    @as_storage_error()
    def __init__(self, target: Path) -> None:
        self._target = target
        self._part = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
        self._file = open_new(self._part)
        self._unsynced = 0

    @as_storage_error()
    def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:  # an unbuffered write may take less than it is given
            view = view[self._file.write(view) :]
        self._unsynced += len(chunk)
        if self._unsynced >= SYNC_EVERY:
            os.fdatasync(self._file.fileno())
            self._unsynced = 0

    @as_storage_error()
    def commit(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._target)
        self._part = self._target  # what an abort has to remove, should the next line fail
        sync_folder(self._target.parent)

    def abort(self) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


def open_new(path: Path) -> FileIO:
    return path.open("xb", buffering=0)


def sync_folder(folder: Path) -> None:
    """A file's name in it must survive a power cut too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
