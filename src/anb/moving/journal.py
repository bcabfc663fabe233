"""What a move of the media has read back from its target and found whole: after a kill it goes on from there."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Self


class BusyJournalError(Exception):
    """Another process is moving the same media on this machine."""


@dataclass(frozen=True)
class Verified:
    key: str
    size: int
    sha256: str


class Journal:
    """One line of JSON an object. A line that a kill cut off counts for nothing: its object is copied again."""

    def __init__(self, file: BufferedRandom) -> None:
        self._file = file
        self.name = Path(file.name).stem
        self._verified_now: set[str] = set()
        self._verified = {line.key: line for line in _whole_lines(file)}
        file.seek(0, os.SEEK_END)

    @classmethod
    @contextmanager
    def open(cls, folder: Path, source: str, target: str) -> Iterator[Self]:
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(f"{source}\n{target}".encode()).hexdigest()[:12]
        with (folder / f"storage-move-{name}.jsonl").open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyJournalError from None
            yield cls(file)

    def add(self, verified: Verified) -> None:
        """Also where the line before was cut off: this one begins anew."""
        self._file.write(b"\n" + json.dumps(asdict(verified)).encode() + b"\n")
        self._file.flush()
        self._verified[verified.key] = verified
        self._verified_now.add(verified.key)

    def has(self, key: str, size: int | None) -> bool:
        """`size` is what lies there now: whoever emptied the target since is not believed to have kept it."""
        return self.get(key, size) is not None

    def get(self, key: str, size: int | None) -> Verified | None:
        known = self._verified.get(key)
        return known if known is not None and known.size == size else None

    def is_fresh(self, key: str) -> bool:
        """Read back by this process, and not by one that was here before."""
        return key in self._verified_now


def _whole_lines(file: BufferedRandom) -> Iterator[Verified]:
    file.seek(0)
    for line in file:
        try:
            yield Verified(**json.loads(line))
        except (ValueError, TypeError):
            continue
