import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, MetaData, String, Table, inspect
from sqlalchemy.types import JSON

from anb.backups.copy_out import STORED
from anb.backups.rows import Reader, header, line
from anb.db import Database, Id, Moment
from anb.schema import metadata


def test_what_is_written_is_read_back() -> None:
    table = Table(
        "t", MetaData(), Column("id", Id), Column("at", Moment), Column("facts", JSON), Column("title", String),
        Column("votes", Integer), Column("share", Float), Column("seen", Boolean),
    )  # fmt: skip
    moment = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
    values: list[list[Any]] = [
        [uuid.uuid4(), moment, {"max": 3, "año": [None, "ñ"]}, "¡Güe!\n\t\u2028 \"'", -7, 0.1, True],
        [None] * 7,
    ]
    reader = Reader(header(table))
    assert [list(reader.row(line(row)).values()) for row in values] == values


def test_a_type_that_no_backup_knows_is_refused() -> None:
    with pytest.raises(TypeError, match=r"t\.raw"):
        header(Table("t", MetaData(), Column("raw", LargeBinary)))


def test_every_table_can_be_written() -> None:
    for table in metadata.sorted_tables:
        assert header(table)


def test_every_table_of_the_schema_is_copied(database: Database) -> None:
    assert set(inspect(database.engine).get_table_names()) == {"alembic_version", *metadata.tables}


def test_every_column_that_names_an_object_is_followed() -> None:
    """Who adds a `…_key` says here whether bytes belong to it."""
    no_objects = {"city_key", "country_key", "idempotency_key"}
    named = {
        column.name for table in metadata.sorted_tables for column in table.columns if column.name.endswith("_key")
    }
    assert named - no_objects == set(STORED)
