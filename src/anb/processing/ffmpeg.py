"""The only place that starts processes: FFmpeg and the probe, both through the launcher `cage.py`."""

import contextlib
import functools
import importlib.util
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import structlog

from anb import metrics
from anb.processing.ending import Ending
from anb.processing.failures import FailureCode, ProcessingFailed
from anb.processing.limits import Limits
from anb.processing.lines import Lines

log = structlog.get_logger(__name__)

_HERE = Path(__file__).parent
TICK_S = 0.5
_CHUNK = 64 * 1024
_LAST_CALL_S = 5.0
"""After its kill. Only somebody who left its group, on a kernel without the wall against that, still holds a pipe."""

_LIMIT_SIGNALS = frozenset({signal.SIGKILL, signal.SIGXCPU, signal.SIGXFSZ})
"""How the kernel ends who passes a limit; SIGKILL also when the machine is out of memory."""

Hear = Callable[[str], None]
"""Takes one line."""


def ignore(_: str) -> None:
    """For a stream of lines that nobody needs."""


_PARTS = {"-encoders": ("libx264", "aac"), "-filters": ("zscale", "tonemap")}
"""What the commands need, and distributions leave out for its patents or its size."""


@functools.cache
def find_ffmpeg() -> Path:
    """The system's own, else the one that comes in a package; also where the system's lacks a part that we need."""
    on_path = shutil.which("ffmpeg")
    own = [Path(on_path).resolve()] if on_path else []
    candidates = own + _packaged()
    if not candidates:
        reason = "no ffmpeg on PATH and no imageio-ffmpeg installed"
        raise ProcessingFailed(FailureCode.ENGINE_MISSING, log_detail=reason)
    return next((binary for binary in candidates if not missing_parts(binary)), candidates[0])


def _packaged() -> list[Path]:
    """By its name, because asking the package runs it."""
    package = importlib.util.find_spec("imageio_ffmpeg")
    folders = (package.submodule_search_locations or []) if package else []
    return [binary.resolve() for folder in folders for binary in sorted(Path(folder, "binaries").glob("ffmpeg-*"))]


def missing_parts(binary: Path) -> list[str]:
    """Encoders and filters that this FFmpeg was made without: all of them where it does not start, none where it does
    not answer in time, for that says nothing of it."""
    return [name for option, names in _PARTS.items() for name in set(names) - _told_by(binary, option)]


def _told_by(binary: Path, option: str) -> set[str]:
    """The words of one of its lists."""
    try:
        told = subprocess.run([binary, "-hide_banner", option], capture_output=True, timeout=10, check=True)  # noqa: S603
    except subprocess.TimeoutExpired:
        return set(_PARTS[option])
    except (OSError, subprocess.SubprocessError):
        return set()
    return set(told.stdout.decode(errors="replace").split())


@dataclass(frozen=True)
class Listener:
    """`on_tick` comes at least once a second, also while the tool is silent; what it raises ends the tool."""

    on_output: Hear = ignore
    on_log: Hear = ignore
    on_tick: Callable[[], None] = lambda: None


def run_ffmpeg(
    command: Sequence[str], limits: Limits, listener: Listener, *, read: Sequence[Path], workdir: Path
) -> Ending:
    """`command` begins with the binary's whole path; FFmpeg sees the files in `read` and the folder `workdir`."""
    folder = Path(command[0]).parent
    readable = [folder, folder.parent / "lib", *read]
    with _Caged(command, limits, readable, workdir) as caged:
        return caged.attend(listener)


def run_probe(arguments: Sequence[str], limits: Limits, *, source: Path) -> tuple[str, Ending]:
    """What the probe printed. PyAV's folder is handed over by name, since `-I -S` finds no packages."""
    package = importlib.util.find_spec("av")
    if package is None or package.origin is None:
        raise ProcessingFailed(FailureCode.ENGINE_MISSING, log_detail="PyAV is not installed")
    packages = Path(package.origin).resolve().parent.parent
    python = Path(sys.executable).resolve()
    tool = [str(python), "-I", "-S", str(_HERE / "probe_child.py"), str(packages), *arguments]
    printed: list[str] = []
    with _Caged(tool, limits, [Path(sys.base_prefix), python, _HERE, packages, source], None) as caged:
        ending = caged.attend(Listener(on_output=printed.append))
    return "".join(printed), ending


@functools.cache
def cage_report() -> dict[str, str]:
    """Each wall that needs the kernel's help, to "ok" or to why it is missing; logged once a process."""
    command = [sys.executable, "-I", "-S", str(_HERE / "cage.py"), "--report"]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=10, check=True)  # noqa: S603  # our own launcher
    except subprocess.SubprocessError as error:  # a machine that is out of memory, or stands still
        raise ProcessingFailed(FailureCode.INTERRUPTED, log_detail=f"the cage does not answer: {error}") from error
    walls: dict[str, str] = json.loads(answer.stdout)
    for wall, state in walls.items():
        if state != "ok":
            log.warning("cage_wall_missing", wall=wall, reason=state)
    return walls


class _Caged:
    """One tool at work. Leaving the block leaves nobody alive, however it is left."""

    def __init__(self, tool: Sequence[str], limits: Limits, read: Sequence[Path], workdir: Path | None) -> None:
        cage_report()
        self._tool = Path(tool[0]).name
        self._deadline = time.monotonic() + limits.wall_seconds
        self._may_tell = limits.told_bytes
        self._killed_for: str | None = None
        self._log = Lines()
        # The other end closes with this process, however it dies: that is how the launcher knows.
        self._control, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as unless_started:
            unless_started.callback(self._control.close)
            self._process = subprocess.Popen(  # noqa: S603  # a list, no shell, and our own launcher
                [sys.executable, "-I", "-S", str(_HERE / "cage.py"), _orders(limits, read, workdir), "--", *tool],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=workdir or "/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "MALLOC_ARENA_MAX": "2", "AV_LOG_FORCE_NOCOLOR": "1"},
                start_new_session=True,
            )
            unless_started.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:  # what a tick raised: the lease is lost, or the worker stops
            self._kill("abandoned")
            self._hear_out()
        for pipe in (self._process.stdout, self._process.stderr, self._control):
            if pipe is not None:
                pipe.close()
        self._process.wait()

    def _hear_out(self) -> None:
        """The end of its output comes when the tool, too, is gone."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout or 1, selectors.EVENT_READ)
            while selector.get_map() and time.monotonic() < self._deadline:
                for key, _ in selector.select(TICK_S):
                    if not os.read(key.fd, _CHUNK):
                        selector.unregister(key.fileobj)

    def _kill(self, reason: str) -> None:
        """The launcher leads the group and is not reaped yet, so the number is still its own."""
        self._killed_for = reason
        self._deadline = time.monotonic() + _LAST_CALL_S
        metrics.KILLS.labels(reason).inc()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def attend(self, listener: Listener) -> Ending:
        """Hear both streams to their end, which comes when nobody holds them any more."""
        next_tick = time.monotonic() + TICK_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout or 1, selectors.EVENT_READ, (Lines(), listener.on_output))
            selector.register(self._process.stderr or 2, selectors.EVENT_READ, (self._log, listener.on_log))
            while selector.get_map() and not (self._killed_for and time.monotonic() >= self._deadline):
                for key, _ in selector.select(TICK_S / 2):
                    self._hear(selector, key)
                now = time.monotonic()
                if now >= next_tick:
                    next_tick = now + TICK_S
                    listener.on_tick()
                if not self._killed_for:
                    self._judge(now)
        return self._ending()

    def _judge(self, now: float) -> None:
        if now >= self._deadline:
            self._kill("out_of_time")
        elif self._may_tell < 0:
            self._kill("flooded")

    def _hear(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        lines, hear = key.data
        data = os.read(key.fd, _CHUNK)
        self._may_tell -= len(data)
        if not data:
            selector.unregister(key.fileobj)
        for line in lines.feed(data):
            hear(line)

    def _ending(self) -> Ending:
        self._process.wait()
        told = self._control.recv(4096)
        facts: dict[str, Any] = json.loads(told) if told else {}
        if facts.get("signal") is not None and not self._killed_for:
            metrics.KILLS.labels("limit" if facts["signal"] in _LIMIT_SIGNALS else "crash").inc()
        log.debug("tool_ended", tool=self._tool, **facts)
        return Ending(
            exit=facts.get("exit"),
            signal=facts.get("signal"),
            cpu_s=facts.get("cpu_s", 0.0),
            peak_bytes=facts.get("peak_bytes", 0),
            out_of_time=self._killed_for == "out_of_time",
            last_words=self._log.tail,
            flooded=self._killed_for == "flooded",
        )


def _orders(limits: Limits, read: Sequence[Path], workdir: Path | None) -> str:
    return json.dumps(
        {
            "cpu_s": limits.cpu_seconds,
            "memory_bytes": limits.memory_bytes,
            "output_bytes": limits.output_bytes,
            "wall_s": limits.wall_seconds,
            "read": [str(path) for path in read],
            "write": [str(workdir)] if workdir else [],
            # What this kernel was seen to give must stand each time. The network is closed twice where it can be.
            "required": [wall for wall in ("files", "processes") if cage_report()[wall] == "ok"],
        }
    )
