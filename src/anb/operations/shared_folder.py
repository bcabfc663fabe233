"""Where the processes of one server add up their metrics: a folder of small mapped files, one set a process.

prometheus_client decides when it is imported whether it counts in memory or in such files, so `share` must come first;
this module therefore imports nothing of it.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "anb-metrics-"


def share() -> None:
    """Let this process and its children count together. Asked again (gunicorn's reload) it keeps the folder."""
    os.environ[_VARIABLE] = str(_folder_of(os.getpid()))


def unshare() -> None:
    """At the very end, and only for who made the folder: children inherit what their parent meant to do."""
    if Path(os.environ.get(_VARIABLE, "")).name.startswith(f"{_PREFIX}{os.getpid()}-"):
        shutil.rmtree(_folder_of(os.getpid()), ignore_errors=True)


@cache
def _folder_of(pid: int) -> Path:
    _remove_orphans()
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{pid}-"))


def _remove_orphans() -> None:
    """What a master that was killed left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        with suppress(FileNotFoundError):  # another start was quicker
            if pid.isdecimal() and not is_alive(int(pid)) and folder.stat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
