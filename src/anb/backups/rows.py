"""Rows as lines of JSON: a first line that names the columns and their kinds, then one array a row."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import JSON, Boolean, Column, Float, Integer, String, Table, TableClause, column, table
from sqlalchemy.types import TypeEngine

from anb.db import Id, Moment

# The kind that stands in the file, what makes it, what it is read as. The first that fits counts.
_KINDS: tuple[tuple[str, type[TypeEngine[Any]], Callable[[Any], Any]], ...] = (
    ("uuid", Id, uuid.UUID),
    ("moment", Moment, datetime.fromisoformat),
    ("json", JSON, lambda value: value),
    ("boolean", Boolean, bool),
    ("integer", Integer, int),
    ("real", Float, float),
    ("text", String, str),
)
_TYPES = {kind: made for kind, made, _ in _KINDS}
_READ = {kind: read for kind, _, read in _KINDS}


def kind_of(of: Column[Any]) -> str:
    """Raises TypeError for a type that no backup has held yet: give it a line above."""
    for kind, made, _ in _KINDS:
        if isinstance(of.type, made):
            return kind
    raise TypeError(f"{of.table.name}.{of.name}: backups know no {of.type!r}")


def header(of: Table) -> bytes:
    return orjson.dumps({"table": of.name, "columns": [[one.name, kind_of(one)] for one in of.columns]}) + b"\n"


def line(row: Sequence[Any]) -> bytes:
    return orjson.dumps(tuple(row)) + b"\n"


class Reader:
    """Of one table's lines. Knows nothing of today's models: an old backup is read into the old schema."""

    def __init__(self, first_line: bytes) -> None:
        told = orjson.loads(first_line)
        self._names = [name for name, _ in told["columns"]]
        self._kinds = [kind for _, kind in told["columns"]]
        self.table: TableClause = table(
            told["table"], *(column(name, _TYPES[kind]()) for name, kind in told["columns"])
        )

    def row(self, text: bytes) -> dict[str, Any]:
        values = orjson.loads(text)
        return {
            name: None if value is None else _READ[kind](value)
            for name, kind, value in zip(self._names, self._kinds, values, strict=True)
        }
