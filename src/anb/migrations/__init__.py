"""The schema, step by step. Old code keeps working while a step runs: add, backfill, switch, remove."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from anb.db import Base, Database

_FOLDER = Path(__file__).parent


def upgrade(database: Database) -> None:
    """Bring the schema to the newest step. Two at once wait for each other; nothing to do is no error. The schema of
    newer code stays: whoever goes back to the release before starts on it, see `serves`."""
    if is_newer(revision(database)):
        return
    with database.engine.begin() as connection:
        upgrade_on(connection, "head")


def upgrade_on(connection: Connection, revision: str) -> None:
    """In the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7311)")
        connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
    command.upgrade(_config(connection), revision)


def revision(database: Database) -> str | None:
    """None: there is no schema yet. A plain read, for it is asked every few seconds: Alembic's own way logs two lines
    and, on SQLite, locks out writers."""
    with database.read() as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return None
        found: str | None = session.scalars(text("SELECT version_num FROM alembic_version")).one_or_none()
        return found


def knows(revision: str) -> bool:
    return any(step.revision == revision for step in ScriptDirectory(str(_FOLDER)).walk_revisions())


def serves(revision: str | None) -> bool:
    """Whether this code works on that schema. A step that it does not know came with newer code, which is about to
    replace it, or has been replaced by it: it serves, as each step promises."""
    return revision == head() or is_newer(revision)


def is_newer(revision: str | None) -> bool:
    """Whether newer code made that schema."""
    return revision is not None and not knows(revision)


@cache
def head() -> str | None:
    return ScriptDirectory(str(_FOLDER)).get_current_head()


def differences(database: Database) -> list[object]:
    """What the models say and the migrated schema does not, or the other way round. For PostgreSQL.

    SQLite tells an index's columns without DESC, so that there every ordered index would look different.
    """
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config
