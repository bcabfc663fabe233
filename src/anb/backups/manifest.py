"""What a backup says of itself. Pure."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

import orjson

MANIFEST = "manifest.json"
FORMAT = 1


class BackupError(Exception):
    """In a sentence for the operator: what is wrong and what to do."""


@dataclass(frozen=True)
class Part:
    """A file of the backup. `count` is of the rows or of the objects in it."""

    count: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    snapshot_at: datetime
    """By the database's clock. What was acknowledged before is in the backup; later things are not."""
    finished_at: datetime
    schema_revision: str
    anb_version: str
    made_of: str
    tables: dict[str, Part]
    """In an order that they may be inserted in."""
    files: Part
    """The list; `stored_bytes` are the objects themselves."""
    stored_bytes: int
    deleted_since: list[str] = field(default_factory=list)
    """Videos that their owners deleted while the objects were copied: they are not restored."""
    missing: list[str] = field(default_factory=list)
    """Keys that a row names and that storage did not have."""
    damaged: list[str] = field(default_factory=list)
    """Keys whose content was not what its row says, already when it was copied."""

    @property
    def whole(self) -> bool:
        return not self.missing and not self.damaged

    def encode(self) -> bytes:
        # SQLAlchemy's names of tables are a kind of string of their own.
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
        return orjson.dumps({"format": FORMAT} | asdict(self), option=options)


def decode(text: bytes) -> Manifest:
    try:
        told = orjson.loads(text)
        if told.pop("format") != FORMAT:
            raise BackupError("This backup was made by a version that writes another format; restore it with that one.")
        told["snapshot_at"] = datetime.fromisoformat(told["snapshot_at"])
        told["finished_at"] = datetime.fromisoformat(told["finished_at"])
        told["tables"] = {name: Part(**part) for name, part in told["tables"].items()}
        told["files"] = Part(**told["files"])
        return Manifest(**told)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackupError(f"The manifest cannot be read: {error!r}") from error
