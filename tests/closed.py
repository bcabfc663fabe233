"""A folder of another user, closed to this one. A stand-in: tests may run as root, whom no mode keeps out."""

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def close(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As mode 0700: it can be seen, and neither listed nor entered."""
    for module, name in ((os, "stat"), (os, "mkdir"), (os, "open"), (io, "open")):
        _refuse(monkeypatch, module, name, lambda path: folder in path.parents)
    for name in ("listdir", "scandir"):
        _refuse(monkeypatch, os, name, lambda path: folder in (path, *path.parents))


def make_read_only(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As mode 0555, for who makes a folder in it."""
    _refuse(monkeypatch, os, "mkdir", lambda path: folder in path.parents)


def _refuse(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, is_closed: Callable[[Path], bool]) -> None:
    real = getattr(module, name)

    def call(path: Any = ".", *more: Any, **named: Any) -> Any:
        if isinstance(path, (str, os.PathLike)) and is_closed(Path(os.path.abspath(path))):  # noqa: PTH100 - asks no disk
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
        return real(path, *more, **named)

    monkeypatch.setattr(module, name, call)
