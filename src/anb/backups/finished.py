"""A backup that is there: what it says of itself, and what it holds."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from anb.backups.listing import Entry
from anb.backups.manifest import MANIFEST, BackupError, Manifest, Part, decode
from anb.backups.place import Place, sha256_of
from anb.storage.base import is_key

# What gzip, JSON and the meaning of a line raise for bytes that are not what `anb backup` wrote.
UNREADABLE = (gzip.BadGzipFile, EOFError, zlib.error, ValueError, KeyError, TypeError, StopIteration)


@dataclass(frozen=True)
class Backup:
    place: Place
    moment: str

    def manifest(self) -> Manifest:
        with self.place.open(f"{self.moment}/{MANIFEST}") as file:
            try:
                return decode(file.read())
            except BackupError as error:
                raise self.refused(str(error)) from error

    def entries(self) -> Iterator[Entry]:
        """The objects that its rows name, by key. Raises BackupError."""
        try:
            with self.place.open(f"{self.moment}/files.jsonl.gz") as packed, gzip.open(packed) as file:
                for text in file:
                    key, size, sha256 = orjson.loads(text)
                    if not is_key(key):
                        raise self.refused(f"files.jsonl.gz names {key!r}, which `anb backup` never writes")
                    yield Entry(key, size, sha256)
        except UNREADABLE as error:
            raise self.refused(f"files.jsonl.gz cannot be read ({error})") from error

    def refused(self, why: str) -> BackupError:
        return BackupError(f"Backup {self.moment} in {self.place}: {why}. Use another one (--at).")

    def require_sound_rows(self, manifest: Manifest) -> None:
        """All of them, before anything is done with any. Raises BackupError."""
        for name, part in manifest.tables.items():
            self._require_sound(f"tables/{name}.jsonl.gz", part)
        self.require_sound_list(manifest)

    def require_sound_list(self, manifest: Manifest) -> None:
        """Of the objects. Raises BackupError."""
        self._require_sound("files.jsonl.gz", manifest.files)

    def _require_sound(self, name: str, part: Part) -> None:
        if not self._is(f"{self.moment}/{name}", part):
            raise self.refused(f"{name} is missing or damaged")

    def _is(self, name: str, part: Part) -> bool:
        if self.place.size(name) != part.bytes:
            return False
        with self.place.open(name) as file:
            return sha256_of(file) == part.sha256


def choose(place: Place, moment: str | None) -> Backup:
    """The newest, unless one is named."""
    moments = place.moments()
    if not moments:
        raise BackupError(f"There is no finished backup in {place}: no folder of it has a {MANIFEST}.")
    if moment is not None and moment not in moments:
        raise BackupError(f"There is no backup {moment} in {place}; there are: {', '.join(moments)}")
    return Backup(place, moment or moments[-1])
