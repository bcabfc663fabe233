"""Stored objects by key, however many: on disk, so that memory stays flat."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    key: str
    size: int | None = None
    sha256: str | None = None
    """None where no row knows it."""
    video_id: str = ""


class Listing:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("CREATE TABLE entries (key TEXT PRIMARY KEY, size, sha256, video_id) WITHOUT ROWID")

    def put(self, entry: Entry) -> None:
        row = (entry.key, entry.size, entry.sha256, entry.video_id)
        self._connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", row)

    def get(self, key: str) -> Entry | None:
        row = self._connection.execute("SELECT * FROM entries WHERE key = ?", (key,)).fetchone()
        return Entry(*row) if row else None

    def __len__(self) -> int:
        count: int = self._connection.execute("SELECT count(*) FROM entries").fetchone()[0]
        return count

    def __iter__(self) -> Iterator[Entry]:
        """By key."""
        for row in self._connection.execute("SELECT * FROM entries ORDER BY key"):
            yield Entry(*row)


@contextmanager
def listing() -> Iterator[Listing]:
    connection = sqlite3.connect("")  # SQLite's name for a file of its own that goes with the connection
    try:
        yield Listing(connection)
    finally:
        connection.close()
