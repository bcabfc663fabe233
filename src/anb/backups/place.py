"""Where backups are kept. Names are relative, with slashes."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from anb.backups.manifest import MANIFEST, BackupError
from anb.settings import Settings
from anb.storage.base import Storage, Writer
from anb.storage.local import LocalWriter, sync_folder
from anb.storage.reading import chunks

_LOCK = ".lock"
_MOMENT = re.compile(r"\d{8}T\d{6}\.\d{6}Z")


class Place(Protocol):
    def create(self, name: str) -> Writer:
        """Replaces what has the name, at `commit` and all at once."""

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Raises FileNotFoundError."""

    def size(self, name: str) -> int | None: ...

    def moments(self) -> list[str]:
        """Of the finished backups, and of those that this user may not look into; oldest first."""

    def held(self) -> AbstractContextManager[None]:
        """While a backup is written. What earlier ones left that were killed goes, unless another is being written."""

    def __str__(self) -> str:
        """As the operator names it."""


def open_place(where: str, settings: Settings) -> Place:
    """A folder, or `s3://bucket/prefix`."""
    if where.startswith("s3://"):
        from anb.backups.bucket import Bucket  # noqa: PLC0415 - boto3 costs a folder's user 0.2 s and 20 MB

        return Bucket(where, endpoint=settings.s3_endpoint_url, encryption=settings.s3_encryption)
    if "://" in where:
        raise BackupError(f"{where}: give a folder or s3://bucket/prefix.")
    return Folder(Path(where))


class Folder:
    """For its owner alone: the rows hold e-mail addresses of minors, and hashes of passwords."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()

    def __str__(self) -> str:
        return str(self._root)

    def create(self, name: str) -> Writer:
        path = self._root / name
        self._make(path.parent)
        return LocalWriter(path)

    def _make(self, folder: Path) -> None:
        """Its name must survive a power cut as the files in it do, also if a backup that was cut off has made it."""
        if folder in self._durable:
            return
        ours = folder.is_relative_to(self._root)
        if (ours and folder != self._root) or not folder.parent.is_dir():
            self._make(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700 if ours else 0o777)
        sync_folder(folder.parent)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        self._durable.add(folder)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        path = self._root / name
        with named(str(path)), path.open("rb") as file:
            yield file

    def size(self, name: str) -> int | None:
        try:
            return (self._root / name).stat().st_size
        except FileNotFoundError:
            return None

    def moments(self) -> list[str]:
        """Raises PermissionError, which a glob would hide: backups that may not be looked at are not none."""
        try:
            return [folder.name for folder in sorted(self._root.iterdir()) if _may_be_finished(folder)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    @contextmanager
    def held(self) -> Iterator[None]:
        """By a lock that the kernel drops with its process, shared by all who write: whoever gets it alone knows that
        nobody does."""
        self._make(self._root)
        descriptor = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if _locked(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
                self._remove_unfinished()
            _locked(descriptor, fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)

    def _remove_unfinished(self) -> None:
        """Copies stay, for the next backup uses them. Rows are of no use, and hold names and addresses of minors."""
        for part in self._root.glob("files/*/.*.part"):
            part.unlink(missing_ok=True)
        for folder in self._root.iterdir():
            if _MOMENT.fullmatch(folder.name) and not _may_be_finished(folder):
                shutil.rmtree(folder)


def _may_be_finished(folder: Path) -> bool:
    """Another user's backup counts: whoever opens it is told, not given an older one. Not so `lost+found`."""
    try:
        (folder / MANIFEST).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:
        return _MOMENT.fullmatch(folder.name) is not None
    return True


def _locked(descriptor: int, how: int) -> bool:
    """False also on a disk that knows no locks: then nobody is ever known to be alone."""
    try:
        fcntl.flock(descriptor, how)
    except OSError:
        return False
    return True


class Hashing:
    """A writer that knows what went through it; `write` makes it a file for `gzip`."""

    def __init__(self, writer: Writer, name: str) -> None:
        self._writer = writer
        self._name = name
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, chunk: bytes) -> int:
        with named(self._name):
            self._writer.write(chunk)
        self._hash.update(chunk)
        self.bytes += len(chunk)
        return len(chunk)

    def flush(self) -> None:
        """Nothing is held back here."""

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


@contextmanager
def named(name: str) -> Iterator[None]:
    """A full disk does not say by itself which file it was that found no room."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, name) from error


@contextmanager
def writing(place: Place, name: str) -> Iterator[Hashing]:
    """Committed at the end of the block; nothing is left when it raises."""
    shown = f"{place}/{name}"
    with named(shown):
        writer = place.create(name)
    try:
        yield Hashing(writer, shown)
        with named(shown):
            writer.commit()
    except BaseException:
        writer.abort()
        raise


def sha256_of(file: BinaryIO) -> str:
    found = hashlib.sha256()
    for chunk in chunks(file):
        found.update(chunk)
    return found.hexdigest()


@contextmanager
def reading(storage: Storage, key: str) -> Iterator[BinaryIO]:
    """A stored object, wherever it has to be fetched from. Raises FileNotFoundError."""
    with (
        named(key),
        tempfile.TemporaryDirectory(prefix="anb-backup-") as folder,
        storage.local(key, Path(folder)) as path,
        path.open("rb") as file,
    ):
        yield file
