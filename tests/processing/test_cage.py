"""The walls around a media tool, tried with tools that misbehave."""

import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from anb.processing.ending import Ending, blame
from anb.processing.failures import FailureCode
from anb.processing.ffmpeg import TICK_S, Listener, run_ffmpeg
from anb.processing.limits import MIB, Limits
from tests.waiting import until

PYTHON = str(Path(sys.executable).resolve())


def _run(workdir: Path, program: str, limits: Limits | None = None, listener: Listener | None = None) -> Ending:
    command = [PYTHON, "-I", "-S", "-c", program]
    readable = [Path(sys.base_prefix)]
    return run_ffmpeg(command, limits or Limits(), listener or Listener(), read=readable, workdir=workdir)


def test_a_tool_that_ends_well_is_told_apart(tmp_path: Path) -> None:
    heard: list[str] = []
    ending = _run(tmp_path, "print('hello')", listener=Listener(on_output=heard.append))
    assert (ending.exit, ending.signal, heard) == (0, None, ["hello"])


def test_a_tool_that_burns_processor_time_is_stopped(tmp_path: Path) -> None:
    limits = Limits(cpu_seconds=1)
    ending = _run(tmp_path, "while True: pass", limits)
    assert blame(ending, limits) is FailureCode.TOO_HEAVY


# Python ignores this signal; FFmpeg does not.
DIE_OF_SIZE = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"


def test_a_tool_that_writes_without_end_is_stopped(tmp_path: Path) -> None:
    limits = Limits(output_bytes=MIB)
    program = DIE_OF_SIZE + "f = open('big', 'wb')\nwhile True: f.write(bytes(65536))"
    assert blame(_run(tmp_path, program, limits), limits) is FailureCode.TOO_HEAVY
    assert (tmp_path / "big").stat().st_size <= MIB


def test_a_tool_that_wants_too_much_memory_is_refused_it(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=512 * MIB)
    assert blame(_run(tmp_path, "bytearray(1 << 30)", limits), limits) is FailureCode.TOO_HEAVY


def test_a_tool_that_never_ends_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(120)"
    pids: list[str] = []
    limits = Limits(wall_seconds=60)
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + (limits.wall_seconds if pids else 0))
    monkeypatch.setattr("anb.processing.ffmpeg.time", clock)  # the minute is over as soon as it is at work
    ending = _run(tmp_path, program, limits, Listener(on_output=pids.append))
    assert blame(ending, limits) is FailureCode.TOOK_TOO_LONG
    _ends(int(pids[0]))


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def _ends(pid: int) -> None:
    """A killed process closes its files a moment before it is a corpse."""
    until(lambda: not _alive(pid))


class _EnoughError(Exception):
    pass


def test_what_the_listener_raises_kills_the_tool_and_passes_through(tmp_path: Path) -> None:
    pids: list[str] = []

    def give_up() -> None:
        if pids:
            raise _EnoughError

    listener = Listener(on_output=pids.append, on_tick=give_up)
    with pytest.raises(_EnoughError):
        _run(tmp_path, "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)", listener=listener)
    _ends(int(pids[0]))


def test_the_heart_beats_while_the_tool_is_silent(tmp_path: Path) -> None:
    beats: list[Path] = []

    def beat() -> None:
        beats.append(tmp_path / f"beat-{len(beats)}")
        beats[-1].touch()

    program = "import os, time\nwhile not os.path.exists('beat-2'): time.sleep(0.01)"
    assert _run(tmp_path, program, Limits(wall_seconds=60), Listener(on_tick=beat)).exit == 0
    assert TICK_S < 1


def test_a_flood_of_complaints_ends_and_keeps_the_last_words(tmp_path: Path) -> None:
    program = "import sys\nfor n in range(200000): sys.stderr.write(f'complaint {n}\\n')\nsys.exit(3)"
    ending = _run(tmp_path, program)
    assert ending.exit == 3
    assert ending.last_words.endswith("complaint 199999\n")


def test_a_tool_that_is_not_there_is_the_installation_s_fault(tmp_path: Path) -> None:
    ending = run_ffmpeg([str(tmp_path / "none")], Limits(), Listener(), read=[], workdir=tmp_path)
    assert blame(ending, Limits()) is FailureCode.ENGINE_MISSING


def test_the_tool_inherits_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SECRET", "hush")
    heard: list[str] = []
    _run(tmp_path, "import os; print(sorted(os.environ))", listener=Listener(on_output=heard.append))
    assert "SOME_SECRET" not in heard[0]


ORPHAN = """
import os, sys, threading
from pathlib import Path
from anb.processing.ffmpeg import Listener, run_ffmpeg
from anb.processing.limits import Limits
tool = [sys.argv[1], "-I", "-S", "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]
def tell(pid):
    print(pid, flush=True)
def work():
    run_ffmpeg(tool, Limits(), Listener(on_output=tell), read=[Path(sys.base_prefix)], workdir=Path(sys.argv[2]))
threading.Thread(target=work).start()
"""


def test_a_tool_dies_with_a_worker_that_was_killed_hard(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    worker = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", ORPHAN, PYTHON, str(tmp_path)],
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, write_end, 1)],
    )
    os.close(write_end)
    with os.fdopen(read_end) as told:
        tool = int(told.readline())
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    _ends(tool)
