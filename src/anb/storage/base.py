"""What every storage promises, in streams. One test suite runs on each that keeps it.

All trouble is a StorageError, which is an OSError: ENOSPC where there is no room, any other number where the storage or
the way to it fails and the same call may do later. FileNotFoundError says that there is no such object.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

ORIGINALS = "uploads"
RESULTS = "processed"

# A folder, an id, perhaps an attempt, an extension. Nothing else names an object, so no key leads out of storage.
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(rf"(?:{ORIGINALS}|{RESULTS})/{ID}(?:\.\d+)?\.[a-z0-9]{{2,4}}")
CHUNK = 1024 * 1024
"""Bytes that are read at a time."""


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


def is_original(key: str) -> bool:
    """Originals carry places and devices of minors: for their owners alone."""
    return key.startswith(f"{ORIGINALS}/")


def checked(key: str) -> str:
    """Raises FileNotFoundError for what is no key: nothing else ever reaches a storage."""
    if not is_key(key):
        raise FileNotFoundError(key)
    return key


@dataclass(frozen=True)
class StoredObject:
    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Link:
    """An address that needs no other right than itself."""

    url: str
    fresh_s: int
    """How long it may be handed on; whoever has it then can still begin to read for as long again."""


Method = Literal["GET", "HEAD"]


class Writer(Protocol):
    """An object on its way in: it exists under its key only once `commit` has returned, and then durably."""

    def write(self, chunk: bytes) -> None: ...

    def commit(self) -> None: ...

    def abort(self) -> None:
        """Leave nothing behind, not even what `commit` has made, failed or not. May be called twice. Never raises:
        what cannot be removed now is left for the sweep."""


class Storage(Protocol):
    def create(self, key: str) -> Writer: ...

    def put_file(self, path: Path, key: str, alive: Callable[[], None] = lambda: None) -> None:
        """Store a finished local file, durably, all or nothing. `alive` is called after each chunk that is copied; an
        exception from it aborts the transfer. The file stays, and may share its bytes with the object: nobody may
        write to it any more. Storing the same file again is no error."""

    def local(self, key: str, into: Path, alive: Callable[[], None] = lambda: None) -> AbstractContextManager[Path]:
        """The object as a local file to read. One that must be fetched lies in the folder `into` until the block ends,
        with `alive` called after each chunk as above. Raises FileNotFoundError."""

    def place(self, key: str, method: Method) -> Path | Link:
        """Where one who may read the object gets it. Raises FileNotFoundError, but a link is given unseen."""

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Removing what is not there is no error."""

    def objects(self, folder: str) -> Iterator[StoredObject]:
        """All objects of `uploads` or `processed`: for the sweep, never for a request."""

    def now(self) -> datetime:
        """By the clock that dates the objects, which may be another host's: only by that can their age be told."""

    def remove_unfinished(self, before: datetime) -> int:
        """Drop what writers left behind that wrote last before that time. Returns how many."""

    def free_bytes(self) -> int | None:
        """None: it has no end that could be known beforehand."""

    def check(self) -> None:
        """Raise StorageError where writing would fail."""


def pour(path: Path, writer: Writer, alive: Callable[[], None]) -> None:
    """A whole file through a writer, all or nothing."""
    try:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK):
                writer.write(chunk)
                alive()
        writer.commit()
    except BaseException:
        writer.abort()
        raise
