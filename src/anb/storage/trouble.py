"""What a failing storage means: full, or away for a while."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from anb.errors import AnbError, BusyError, NoRoomError

_FULL = {errno.ENOSPC, errno.EDQUOT}


class StorageError(OSError):
    """What holds the bytes fails, or the way to it. Any other OSError is a mistake of ours."""


@contextmanager
def as_storage_error(*answers: type[OSError]) -> Iterator[None]:
    """Whatever the system says here is the storage's trouble, but for what the caller wants to hear as it is."""
    try:
        yield
    except OSError as error:
        if isinstance(error, (StorageError, *answers)):
            raise
        raise StorageError(error.errno, error.strerror or str(error), error.filename) from error


def is_full(error: OSError) -> bool:
    return error.errno in _FULL


def refusal(error: StorageError) -> AnbError:
    """What a client hears; the same request may do later."""
    return NoRoomError("no_room") if is_full(error) else BusyError("temporarily_unavailable")
