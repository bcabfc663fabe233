"""What a backup says of itself. Pure."""

import hashlib
import uuid
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

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
    deleted_since: list[uuid.UUID] = field(default_factory=list)
    """Videos that their owners deleted while the objects were copied: they are not restored."""
    missing: list[str] = field(default_factory=list)
    """Keys that a row names and that storage did not have."""
    damaged: list[str] = field(default_factory=list)
    """Keys whose content was not what its row says, already when it was copied."""

    @property
    def whole(self) -> bool:
        return not self.missing and not self.damaged

    def encode(self) -> bytes:
        told = {"format": FORMAT} | asdict(self)
        return _as_text(told | {"sha256": _sum(told)})


def _as_text(told: dict[str, Any]) -> bytes:
    # SQLAlchemy's names of tables are a kind of string of their own.
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)


def _sum(told: dict[str, Any]) -> str:
    return hashlib.sha256(_as_text(told)).hexdigest()


def decode(text: bytes) -> Manifest:
    """Raises BackupError. Manifests were without a sum of their own at first, and are read all the same."""
    try:
        told = orjson.loads(text)
        if "sha256" in told and told.pop("sha256") != _sum(told):
            raise BackupError("the manifest is damaged: it is not what its own sum says")
        if told.pop("format") != FORMAT:
            raise BackupError("it was made by a version that writes another format; restore it with that one")
        told["snapshot_at"] = datetime.fromisoformat(told["snapshot_at"])
        told["finished_at"] = datetime.fromisoformat(told["finished_at"])
        told["tables"] = {name: Part(**part) for name, part in told["tables"].items()}
        told["files"] = Part(**told["files"])
        told["deleted_since"] = [uuid.UUID(video_id) for video_id in told.get("deleted_since", [])]
        return Manifest(**told)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BackupError(f"the manifest is damaged and cannot be read ({error})") from error
