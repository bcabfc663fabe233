"""An object's bytes, where it is told apart whether that one cannot be read or its storage is away."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import BinaryIO

from anb.storage.base import CHUNK, Storage
from anb.storage.trouble import is_full


class UnreadableError(Exception):
    """One object cannot be read, though the storage is there: a bad sector, a right that is missing."""


def chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


@contextmanager
def readable(storage: Storage, opened: AbstractContextManager[BinaryIO]) -> Iterator[Iterator[bytes]]:
    """What `opened` gives of an object of `storage`. Raises FileNotFoundError as that does, UnreadableError when it is
    opened or read, and StorageError where the storage is away: of the other objects nothing is known then."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _unreadable(storage, error) from error
        yield _read(storage, file)


def _read(storage: Storage, file: BinaryIO) -> Iterator[bytes]:
    try:
        yield from chunks(file)
    except OSError as error:
        raise _unreadable(storage, error) from error


def _unreadable(storage: Storage, error: OSError) -> Exception:
    if is_full(error):  # where it is fetched to
        return error
    storage.check()
    return UnreadableError(str(error))
