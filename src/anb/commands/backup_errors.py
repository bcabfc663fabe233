"""What keeps a backup from being made or restored, as a sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from anb.backups.manifest import BackupError
from anb.commands.answers import say
from anb.commands.os_errors import advice, plainly
from anb.storage.trouble import StorageError, is_full


@contextmanager
def backup_errors(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except (BackupError, OSError, sqlite3.Error) as error:
        said = in_words(error)
        say(said, {"whole": False, "detail": said}, as_json=as_json, failed=True)
        raise typer.Exit(1) from None


def in_words(error: Exception) -> str:
    if isinstance(error, sqlite3.Error):
        return f"The list of files, kept in the temporary folder (TMPDIR): {error}. Make room there and repeat."
    if not isinstance(error, OSError):
        return str(error)
    said = plainly(error)
    if is_full(error):
        return f"{said}. Make room and repeat: what was copied is used again."
    if isinstance(error, StorageError):  # a bucket's refusal is of a key, not of a user of this machine
        return said
    return f"{said}. {what_to_do}" if (what_to_do := advice(error)) else said
