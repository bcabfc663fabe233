"""What a taken-over FFmpeg could reach, as root and as an ordinary user."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from anb.processing import cage
from anb.processing.ffmpeg import cage_report
from anb.processing.limits import MIB

NOBODY = 65534
# Of the system: one in somebody's home is closed to nobody.
OPEN_TO_ALL = shutil.which("python3", path="/usr/bin:/bin")


@pytest.fixture
def ground() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="anb-burglar-"))
    folder.chmod(0o755)
    (folder / "secret").write_text("hush")
    (folder / "secret").chmod(0o666)
    (folder / "work").mkdir(mode=0o777)
    (folder / "work").chmod(0o777)
    for file in (Path(cage.__file__), Path(__file__).with_name("burglar.py")):
        shutil.copy(file, folder)  # a checkout may be closed to others
    yield folder
    shutil.rmtree(folder)


def burgle(ground: Path, python: str, run_as: list[str]) -> list[str]:
    limits = {"cpu_s": 20, "memory_bytes": 4096 * MIB, "output_bytes": MIB, "wall_s": 20}
    reads = [sys.base_prefix, python, str(ground / "burglar.py")]
    orders = json.dumps({**limits, "required": [], "read": reads, "write": [str(ground / "work")]})
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as door, ours:
        door.bind(str(ground / "door"))
        (ground / "door").chmod(0o777)
        door.listen()
        tool = [python, "-I", "-S", str(ground / "burglar.py")]
        tried = [str(ground / "secret"), str(listener.getsockname()[1]), str(ground / "door")]
        launcher = [python, "-I", "-S", str(ground / "cage.py"), orders, "--", *tool, *tried]
        done = subprocess.run(
            [*run_as, *launcher], stdin=theirs.fileno(), capture_output=True, text=True, timeout=60, check=False,
            cwd=ground / "work", start_new_session=True, umask=0,
        )  # fmt: skip
        theirs.close()
    assert done.stderr == ""
    assert (ground / "work" / "result").read_text() == "x"
    open_ways: list[str] = json.loads(done.stdout)
    return open_ways


all_walls = pytest.mark.skipif(set(cage_report().values()) != {"ok"}, reason="this kernel lacks one of the walls")


@all_walls
def test_every_way_out_is_closed(ground: Path) -> None:
    assert burgle(ground, str(Path(sys.executable).resolve()), []) == []
    assert (ground / "secret").read_text() == "hush"


@all_walls
@pytest.mark.skipif(os.geteuid() != 0 or OPEN_TO_ALL is None, reason="only root can become somebody else")
def test_every_way_out_is_closed_for_an_ordinary_user_too(ground: Path) -> None:
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    assert burgle(ground, str(OPEN_TO_ALL), drop) == []
    assert (ground / "secret").read_text() == "hush"


def test_without_a_cage_the_burglar_finds_ways(ground: Path) -> None:
    """Else the tests above would prove nothing."""
    tool = [sys.executable, "-I", "-S", str(ground / "burglar.py"), str(ground / "secret"), "1", str(ground / "door")]
    done = subprocess.run(tool, capture_output=True, text=True, timeout=60, check=True, cwd=ground / "work")
    ways = {"read a foreign file", "list the root", "a process of its own", "another program beside it"}
    assert ways <= set(json.loads(done.stdout))
