"""What every storage promises, in streams. One test suite runs on each that keeps it."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

ORIGINALS = "uploads"
RESULTS = "processed"

# A folder, an id, perhaps an attempt, an extension. Nothing else names an object, so no key leads out of storage.
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(rf"(?:{ORIGINALS}|{RESULTS})/{_ID}(?:\.\d+)?\.[a-z0-9]{{2,4}}")


def is_key(text: str) -> bool:
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True)
class StoredObject:
    key: str
    size: int
    modified: datetime


class Writer(Protocol):
    """An object on its way in: it exists under its key only once `commit` has returned, and then durably."""

    def write(self, chunk: bytes) -> None: ...

    def commit(self) -> None: ...

    def abort(self) -> None:
        """Leave nothing behind. May follow `commit`'s failure, and may be called twice."""


class Storage(Protocol):
    def create(self, key: str) -> Writer: ...

    def put_file(self, path: Path, key: str) -> None:
        """Store a finished local file, durably, all or nothing; the file itself may be moved away."""

    def local(self, key: str) -> AbstractContextManager[Path]:
        """The object as a local file to read. Raises FileNotFoundError."""

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Removing what is not there is no error."""

    def objects(self, folder: str) -> Iterator[StoredObject]:
        """All objects of `uploads` or `processed`: for the sweep, never for a request."""

    def remove_unfinished(self, before: datetime) -> int:
        """Drop what writers left behind that wrote last before that time. Returns how many."""

    def free_bytes(self) -> int: ...

    def check(self) -> None:
        """Raise OSError where writing would fail."""
