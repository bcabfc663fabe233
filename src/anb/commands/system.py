"""What the settings name, opened for a command."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from anb.db import Database
    from anb.settings import Settings


def open_settings(**flags: object) -> "Settings":
    """A flag that was not given leaves the environment its say. Logs go to standard error from here on."""
    from anb import logs
    from anb.settings import load_settings

    settings = load_settings(**{name: value for name, value in flags.items() if value is not None})
    logs.configure(settings)
    return settings


def leave_on_sigterm() -> None:
    """Until somebody else handles it. Imports take a second or more, in which a stop would be a death by signal."""

    def leave(*_: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)


@contextmanager
def open_database(settings: "Settings", *, new: bool = False) -> Iterator["Database"]:
    """One that cannot be reached, or has no schema yet, is a sentence and not a traceback.

    `new`: SQLite may make it; else a mistyped ANB_DATA_DIR would be answered from an empty one.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError

    from anb.db import Database, lacks_schema

    file = make_url(settings.database).database or ""
    if not new and settings.database.startswith("sqlite:") and not is_there(Path(file)):
        typer.echo(f"There is no database {file}: is {_named_by(settings)} right? Ask `anb doctor`.", err=True)
        raise typer.Exit(1)
    database = Database(settings.database, pool_size=1)
    try:
        yield database
    except DBAPIError as error:
        if lacks_schema(error):
            typer.echo("The database has no schema: is DATABASE_URL right? Then run `anb migrate`.", err=True)
        else:
            typer.echo(f"The database says: {error.orig}\nIs it reachable and migrated? Ask `anb doctor`.", err=True)
        raise typer.Exit(1) from None
    finally:
        database.dispose()


def is_there(file: Path) -> bool:
    """Raises PermissionError where this user may not look: `Path.exists` calls that absent, from Python 3.14 on."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _named_by(settings: "Settings") -> str:
    return "DATABASE_URL" if settings.database_url else "ANB_DATA_DIR"
