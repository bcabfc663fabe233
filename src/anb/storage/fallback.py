"""Two storages while one moves into the other: reads find an object in either, writes go to the first.

Needs the rights that each of the two needs. See docs/howto/move-the-media.md.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from anb.storage.base import Link, Method, Storage, StoredObject, Writer


class FallbackStorage:
    def __init__(self, first: Storage, second: Storage) -> None:
        self._first = first
        self._second = second

    def create(self, key: str) -> Writer:
        return self._first.create(key)

    def put_file(self, path: Path, key: str, alive: Callable[[], None] = lambda: None) -> None:
        self._first.put_file(path, key, alive)

    @contextmanager
    def local(self, key: str, into: Path, alive: Callable[[], None] = lambda: None) -> Iterator[Path]:
        with self._holding(key).local(key, into, alive) as path:
            yield path

    def place(self, key: str, method: Method) -> Path | Link:
        return self._holding(key).place(key, method)

    def _holding(self, key: str) -> Storage:
        """The second only where it has what the first has not: otherwise the first says how it misses it."""
        here = self._first.exists(key) or not self._second.exists(key)
        return self._first if here else self._second

    def exists(self, key: str) -> bool:
        return self._first.exists(key) or self._second.exists(key)

    def delete(self, key: str) -> None:
        self._first.delete(key)
        self._second.delete(key)

    def objects(self, folder: str) -> Iterator[StoredObject]:
        """What is in both comes twice."""
        yield from self._first.objects(folder)
        yield from self._second.objects(folder)

    def now(self) -> datetime:
        """The earlier of both: what is too young by either stays."""
        return min(self._first.now(), self._second.now())

    def remove_unfinished(self, before: datetime) -> int:
        return self._first.remove_unfinished(before) + self._second.remove_unfinished(before)

    def free_bytes(self) -> int | None:
        return self._first.free_bytes()

    def check(self) -> None:
        self._first.check()
