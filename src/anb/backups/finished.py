"""A backup that is there: what it says of itself, and what it holds."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from anb.backups.listing import Entry
from anb.backups.manifest import MANIFEST, BackupError, Manifest, Part, decode
from anb.backups.place import Place, sha256_of


@dataclass(frozen=True)
class Backup:
    place: Place
    moment: str

    def manifest(self) -> Manifest:
        with self.place.open(f"{self.moment}/{MANIFEST}") as file:
            return decode(file.read())

    def entries(self) -> Iterator[Entry]:
        """The objects that its rows name, by key."""
        with self.place.open(f"{self.moment}/files.jsonl.gz") as packed, gzip.open(packed) as file:
            for text in file:
                key, size, sha256 = orjson.loads(text)
                yield Entry(key, size, sha256)

    def require_sound_rows(self, manifest: Manifest) -> None:
        """All of them, before anything is done with any. Raises BackupError."""
        parts = {f"tables/{name}.jsonl.gz": part for name, part in manifest.tables.items()}
        for name, part in {**parts, "files.jsonl.gz": manifest.files}.items():
            if not self._is(f"{self.moment}/{name}", part):
                raise BackupError(f"{self.moment}/{name} is missing or damaged: use another backup (--at).")

    def _is(self, name: str, part: Part) -> bool:
        if self.place.size(name) != part.bytes:
            return False
        with self.place.open(name) as file:
            return sha256_of(file) == part.sha256


def choose(place: Place, moment: str | None) -> Backup:
    """The newest, unless one is named."""
    moments = place.moments()
    if not moments:
        raise BackupError(f"There is no finished backup here: no folder has a {MANIFEST}.")
    if moment is not None and moment not in moments:
        raise BackupError(f"There is no backup {moment}; there are: {', '.join(moments)}")
    return Backup(place, moment or moments[-1])
