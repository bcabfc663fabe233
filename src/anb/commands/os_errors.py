"""What the machine does not let a command do, as a sentence that says what to do."""

import errno
from pathlib import Path

from anb.storage.trouble import StorageError, is_full

_FULL = "Make room and repeat."
_RIGHTS = "This user may not do that: run it as the user whose it is, or name another place."
_FOLDER = "A file is where a folder is wanted: move it away, or name another place."
_ADVICE = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "Name another place, or mount it writable.",
    errno.EEXIST: _FOLDER,
    errno.ENOTDIR: _FOLDER,
    errno.EISDIR: "A file is to be there: move the folder away, or name another place.",
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}
_STORAGE_ADVICE = "Are MEDIA_ROOT and ANB_DATA_DIR right, and may this user write there? Ask `anb doctor`."


def plainly(error: OSError) -> str:
    """The file and what is the matter with it, without Python's number."""
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def advice(error: OSError) -> str | None:
    """None where it is not the operator's to mend. An error without a file's name comes from something else than what
    the operator named: a signal, a socket."""
    if error.filename is None or error.errno is None:
        return None
    return _ADVICE.get(error.errno)


def in_words(error: Exception) -> str | None:
    """None: a mistake of ours, whose traceback is wanted."""
    if not isinstance(error, OSError):
        return None
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        return "The folder that this runs in is gone: change to another one and repeat."
    if isinstance(error, StorageError):
        return f"{plainly(error)}. {_FULL if is_full(error) else _STORAGE_ADVICE}"
    what_to_do = advice(error)
    return what_to_do and f"{plainly(error)}. {what_to_do}"


def _is_nowhere() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return True
    return False
