"""Where uploads grow: one file each, whose size is the offset. Blocking: call it in a thread.

A plain folder, whatever the finished videos are stored on; hosts that serve the same uploads share it (NFS). What
holds there too:

- A file has one writer, by an exclusive lock that the kernel drops with its process. Over NFS `flock` is a lock of the
  server's; that of a host which vanishes is kept for the server's lease (90 s by default) and then dropped.
- Sizes are asked of an opened file: NFS renews what it knows of a file whenever it is opened, and when it is locked.
- A writer syncs before it lets go. So what is told of a file that nobody writes survives a power cut.
"""

import errno
import fcntl
import hashlib
import math
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from anb.errors import UnsupportedMediaError
from anb.storage.base import CHUNK
from anb.storage.local import SYNC_EVERY, clock_of, require_folder, sync_folder
from anb.storage.trouble import as_storage_error
from anb.uploads.headers import parse_id
from anb.videos.sniff import SNIFF_BYTES, Container, sniff

log = structlog.get_logger(__name__)

_KNOCK = ".knock"
_UNVERIFIED = ".unverified"
_CHECK = ".check-"


class Staging:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @as_storage_error()
    def make(self) -> None:
        """Its folder: not by who only opens it, see `LocalStorage.make`."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, upload_id: uuid.UUID) -> Path:
        return self.folder / str(upload_id)

    @as_storage_error()
    def create(self, upload_id: uuid.UUID) -> None:
        """An empty file that is durable under its name: what is written to it later needs to sync only itself."""
        os.close(os.open(self.path(upload_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        sync_folder(self.folder)

    @as_storage_error(FileNotFoundError)
    def size(self, upload_id: uuid.UUID) -> int:
        """Raises FileNotFoundError."""
        descriptor = self._open(upload_id, os.O_RDONLY)
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def size_if_there(self, upload_id: uuid.UUID) -> int:
        try:
            return self.size(upload_id)
        except FileNotFoundError:
            return 0

    def has(self, upload_id: uuid.UUID) -> bool:
        try:
            self.size(upload_id)
        except FileNotFoundError:
            return False
        return True

    @as_storage_error(FileNotFoundError, BlockingIOError)
    def hold(self, upload_id: uuid.UUID) -> "StagedFile":
        """Become its writer. Raises FileNotFoundError, or BlockingIOError while somebody else is."""
        path = self.path(upload_id)
        descriptor = self._open(upload_id, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.stat()  # it may have been removed between the two: ids are not used again, so it is not another one
            path.with_suffix(_KNOCK).unlink(missing_ok=True)
        except BaseException:
            os.close(descriptor)
            raise
        return StagedFile(path, descriptor)

    def _open(self, upload_id: uuid.UUID, flags: int) -> int:
        try:
            return os.open(self.path(upload_id), flags)
        except FileNotFoundError:
            require_folder(self.folder)
            raise

    @as_storage_error()
    def knock(self, upload_id: uuid.UUID) -> None:
        """Tell its writer, wherever that runs, that somebody waits; see `StagedFile.is_wanted`."""
        path = self.path(upload_id)
        path.with_suffix(_KNOCK).touch()
        if not path.exists():  # it has ended meanwhile, and whoever ended it may have looked for a knock before
            path.with_suffix(_KNOCK).unlink(missing_ok=True)

    @as_storage_error()
    def remove(self, upload_id: uuid.UUID) -> None:
        path = self.path(upload_id)
        for name in (path, path.with_suffix(_KNOCK), path.with_suffix(_UNVERIFIED)):
            name.unlink(missing_ok=True)

    def files(self) -> Iterator["StagedSize"]:
        """For the sweep. A side file is listed as an empty one, so that it is swept even without its upload.

        What cannot be looked at is left out, and where the time cannot be asked all is young.
        """
        try:
            now = self._now()
        except OSError as error:
            log.warning("staging_has_no_clock", reason=str(error))
            now = -math.inf
        with as_storage_error():
            entries = os.scandir(self.folder)
        for entry in entries:
            upload_id = parse_id(entry.name.partition(".")[0])
            if upload_id is None:
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:  # removed while we list
                continue
            except OSError as error:
                log.warning("staged_file_unreadable", upload_id=str(upload_id), reason=str(error))
                continue
            size = status.st_size if "." not in entry.name else 0
            yield StagedSize(upload_id, size, now - status.st_mtime)

    def _now(self) -> float:
        return clock_of(self.folder)

    @as_storage_error()
    def check(self) -> None:
        """Raise StorageError where writing would fail."""
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=_CHECK, buffering=0) as probe:
            probe.write(b"anb")

    @as_storage_error()
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free


@dataclass(frozen=True)
class StagedSize:
    upload_id: uuid.UUID
    size: int
    age_s: float
    """Since it was last written."""


class StagedFile:
    """One upload's bytes in the hands of its only writer. `close` gives them away again, durable."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = os.fstat(descriptor).st_size
        self.discarded = 0
        """Bytes that came for it meanwhile and were thrown away."""
        self._descriptor = descriptor
        self._unsynced = 0

    @as_storage_error(FileNotFoundError)
    def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, self.size)
            self.size += written
            self._unsynced += written
            view = view[written:]
        _require_name(self._descriptor)
        if self._unsynced >= SYNC_EVERY:
            os.fdatasync(self._descriptor)
            self._unsynced = 0

    def beside(self) -> "Unverified":
        return Unverified(self.path.with_suffix(_UNVERIFIED))

    @as_storage_error()
    def head(self) -> bytes:
        return os.pread(self._descriptor, SNIFF_BYTES, 0)

    @as_storage_error(FileNotFoundError)
    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @as_storage_error()
    def is_wanted(self) -> bool:
        """Whether somebody knocked: a phone that reconnected, while its old connection still looks alive to us."""
        return self.path.with_suffix(_KNOCK).exists()

    @as_storage_error()
    def sync(self) -> None:
        os.fsync(self._descriptor)

    @as_storage_error()
    def close(self) -> None:
        try:
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)  # and the lock with it


class Unverified:
    """A piece whose checksum is not known to be right yet. It lies beside its upload, not in it: whatever dies, the
    upload's size counts only what was verified."""

    @as_storage_error()
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("w+b", buffering=0)

    @as_storage_error(FileNotFoundError)
    def write(self, data: bytes | bytearray | memoryview) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        _require_name(self._file.fileno())

    @as_storage_error(FileNotFoundError)
    def move_into(self, staged: StagedFile) -> None:
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            staged.write(chunk)

    @as_storage_error()
    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _require_name(descriptor: int) -> None:
    """Raises FileNotFoundError where the upload was terminated while it is written: nobody would see its bytes."""
    if not os.fstat(descriptor).st_nlink:
        raise FileNotFoundError(errno.ENOENT, "the upload was terminated")


def require_video(staged: StagedFile) -> Container:
    """As soon as there is enough to see: nobody should send 100 MB before hearing that it is no video."""
    seen = sniff(staged.head())
    if seen.container is None:
        raise UnsupportedMediaError("not_a_video", looks_like=seen.looks_like)
    return seen.container
