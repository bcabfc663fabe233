"""What is attacked: a real stack, or the one process of `anb up`. `strike` kills for real and says whether it hit."""

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import psutil
from deployment.stack.configuration import Plan, free_ports
from deployment.stack.servers import Stack

from tests.embedded import AnbUp

SETTINGS = {
    "ANB_DISK_RESERVE_BYTES": "0",
    "ANB_LOG_LEVEL": "info",
    # Short times, for a contest of minutes: leases that end, sweeps that look, orphans that are old.
    "ANB_LEASE_S": "8",
    "ANB_SWEEP_EVERY_S": "1",
    "ANB_SWEEP_BYTES_EVERY_S": "5",
    "ANB_RING_AGAIN_AFTER_S": "5",
    "ANB_ORPHAN_AGE_S": "60",
    # A video that three workers died of is given up. Here workers die of us, a hundred times as often as in life.
    "ANB_MAX_ATTEMPTS": "20",
    # A whole crowd at one address, and uploaders that never rest.
    "ANB_RATE_LIMITS_TIMES": "1000",
    "ANB_MAX_UNFINISHED_VIDEOS": "1000",
    "ANB_MAX_BYTES_A_DAY": str(2**40),
}


class Arena(Protocol):
    @property
    def victims(self) -> Sequence[str]: ...

    url: str
    database_url: str
    media: Path
    scratch: Path

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def strike(self, victim: str, source: random.Random) -> bool:
        """False: there was nobody to hit at this moment."""


class StackArena:
    victims = (
        "nginx", "gunicorn master", "gunicorn worker", "Celery parent", "Celery child", "FFmpeg", "beat", "Redis",
        "PostgreSQL",
    )  # fmt: skip

    def __init__(self, folder: Path) -> None:
        self._stack = Stack(Plan(folder, free_ports()), SETTINGS)
        plan = self._stack.plan
        self.url, self.database_url, self.media = plan.url, plan.database_url, plan.media
        self.scratch = plan.media / "scratch"

    def __enter__(self) -> Self:
        self._stack.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.stop()

    def strike(self, victim: str, source: random.Random) -> bool:
        match victim:
            case "FFmpeg":
                return _kill_ffmpeg(self.scratch, source)
            case "gunicorn worker":
                return _kill_child(self._stack.pid("web"), source)
            case "Celery child":
                return _kill_child(self._stack.pid("worker"), source)
            case "PostgreSQL":  # SIGQUIT is its immediate stop: no checkpoint, recovery at the next start
                return _kill(self._stack.pid("postgres"), signal.SIGQUIT)
        programs = {"gunicorn master": "web", "Celery parent": "worker", "Redis": "redis"}
        return _kill(self._stack.pid(programs.get(victim, victim)))


class EmbeddedArena:
    victims = ("anb up", "FFmpeg")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._up = AnbUp(folder, SETTINGS)
        self.url, self.database_url, self.media = self._up.url, self._up.database_url, self._up.media
        self.scratch = self.media / "scratch"
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper")

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._process is not None:
            self._process.terminate()
        self._keeper.join()

    def _keep(self) -> None:
        """Starts it again whenever it has died, as a service manager would."""
        with (self._folder / "up.log").open("ab") as log:
            while not self._closing.is_set():
                self._process = self._up.start(log)
                self._process.wait()
                time.sleep(0.2)

    def strike(self, victim: str, source: random.Random) -> bool:
        if victim == "FFmpeg":
            return _kill_ffmpeg(self.scratch, source)
        return _kill(self._process.pid if self._process else None)


def _kill(pid: int | None, number: int = signal.SIGKILL) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _kill_child(parent: int | None, source: random.Random) -> bool:
    try:
        children = psutil.Process(parent).children() if parent else []
    except psutil.NoSuchProcess:
        return False
    return bool(children) and _kill(source.choice(children).pid)


def _kill_ffmpeg(scratch: Path, source: random.Random, patience_s: float = 3.0) -> bool:
    """Only such as work in this arena's scratch folder: others may run on this machine."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = [
            process.info["pid"]
            for process in psutil.process_iter(["pid", "name", "cwd"])
            if process.info["name"].startswith("ffmpeg") and (process.info["cwd"] or "").startswith(str(scratch))
        ]
        if found:
            return _kill(source.choice(found))
        time.sleep(0.02)
    return False
