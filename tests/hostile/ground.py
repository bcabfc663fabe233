"""Where the files are sent: the one process of `anb up`, or the whole stack. Neither may lose a process."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from deployment.stack.configuration import Plan, free_ports
from deployment.stack.servers import Stack

from tests.embedded import AnbUp

_NAMES = ("postgres", "redis", "web", "worker", "beat", "nginx")
SETTINGS = {
    "ANB_DISK_RESERVE_BYTES": "0",
    "ANB_RATE_LIMITS_TIMES": "10000",
    # Tells what each tool has cost.
    "ANB_LOG_LEVEL": "debug",
    "ANB_SWEEP_EVERY_S": "2",
    "ANB_SWEEP_BYTES_EVERY_S": "5",
}


class Ground(Protocol):
    url: str
    database_url: str
    media: Path

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def processes(self) -> dict[str, int]:
        """By name; the same numbers at the end as at the beginning mean that nobody died."""

    def log_lines(self) -> Iterator[dict[str, Any]]: ...


class EmbeddedGround:
    def __init__(self, folder: Path) -> None:
        self._log = folder.with_suffix(".log")
        self._up = AnbUp(folder, SETTINGS)
        self.url, self.database_url, self.media = self._up.url, self._up.database_url, self._up.media
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = self._up.start(log)
        while not self._ready() and self._process.poll() is None:
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def _ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/ready", timeout=5) as answer:
                return b'"status":"ready"' in answer.read()
        except (URLError, OSError):
            return False

    def processes(self) -> dict[str, int]:
        """The worker is a thread; `/ready` sees it."""
        assert self._process is not None
        lives = self._process.poll() is None
        return {"anb up": self._process.pid if lives else 0, "worker thread": int(self._ready())}

    def log_lines(self) -> Iterator[dict[str, Any]]:
        yield from _json_lines(self._log)


class StackGround:
    def __init__(self, folder: Path) -> None:
        self._plan = Plan(folder, free_ports())
        self._stack = Stack(self._plan, SETTINGS)
        self.url, self.media = self._plan.url, self._plan.media
        self.database_url = self._plan.database_url.replace("postgresql://", "postgresql+psycopg://")

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.stop()

    def processes(self) -> dict[str, int]:
        found = {name: self._stack.pid(name) or 0 for name in _NAMES}
        for name in ("web", "worker"):
            for number, child in enumerate(psutil.Process(found[name]).children()):
                found[f"{name} child {number}"] = child.pid
        return found

    def log_lines(self) -> Iterator[dict[str, Any]]:
        for log in self._plan.logs.glob("*.log"):
            yield from _json_lines(log)


def _json_lines(log: Path) -> Iterator[dict[str, Any]]:
    with log.open(errors="replace") as lines:
        for line in lines:
            if line.startswith("{"):
                yield json.loads(line)
