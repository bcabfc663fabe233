"""A worker that is stopped at a bad moment: it says 0, and leaves nobody behind."""

import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.e2e.test_shapes import Deployment, deployment

pytestmark = pytest.mark.slow

__all__ = ["deployment"]  # the fixture


def family(session: int) -> list[psutil.Process]:
    """All of one session; the dead that wait to be read are not counted."""
    found = []
    for process in psutil.process_iter():
        try:
            stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(stat[3]) == session and stat[0] != "Z":
            found.append(process)
    return found


def imports_its_libraries(deployment: Deployment, _pid: int) -> bool:
    return any("sqlalchemy" in log.read_text() for log in deployment.folder.glob("*.log"))


def has_just_forked(_deployment: Deployment, pid: int) -> bool:
    return len(family(pid)) > 1


def has_all_its_children(_deployment: Deployment, pid: int) -> bool:
    return len(family(pid)) > 3


@pytest.mark.parametrize("moment", [imports_its_libraries, has_just_forked, has_all_its_children])
def test_a_worker_stopped_while_it_starts_ends_with_0(
    deployment: Deployment, moment: Callable[[Deployment, int], bool]
) -> None:
    if deployment.embedded:
        pytest.skip("there the worker is a thread of the server")
    deployment.environment["PYTHONPROFILEIMPORTTIME"] = "1"  # tells in the log what is being imported
    deployment.run("worker", "anb.cli", "worker")
    pid = deployment.processes["worker"].pid
    deployment.until(lambda: moment(deployment, pid))
    assert deployment.stop() == {"worker": 0}
    deployment.until(lambda: family(pid) == [])


def test_a_server_of_one_process_stopped_while_it_imports_ends_with_0(deployment: Deployment) -> None:
    if not deployment.embedded:
        pytest.skip("gunicorn is its own")
    deployment.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    deployment.run("up", "anb.cli", "up", "--port", str(deployment.port))
    deployment.until(lambda: imports_its_libraries(deployment, 0))
    assert deployment.stop() == {"up": 0}


def beat_of(pid: int) -> psutil.Process | None:
    return next((process for process in family(pid) if "anb beat" in " ".join(process.cmdline())), None)


def test_a_killed_worker_leaves_no_beat_that_sweeps_for_ever(deployment: Deployment) -> None:
    if deployment.embedded:
        pytest.skip("there the worker is a thread of the server")
    deployment.run("worker", "anb.cli", "worker")
    pid = deployment.processes["worker"].pid
    deployment.until(lambda: beat_of(pid) is not None)
    deployment.processes["worker"].kill()
    deployment.until(lambda: family(pid) == [])


@pytest.mark.parametrize(("how", "says"), [(signal.SIGKILL, 1), (signal.SIGTERM, 0)])
def test_a_worker_whose_beat_ends_unasked_ends_too_and_says_so(
    deployment: Deployment, how: signal.Signals, says: int
) -> None:
    """Also by the hand of somebody who took it for a service of its own."""
    if deployment.embedded:
        pytest.skip("there the sweeps are threads of the server")
    deployment.run("worker", "anb.cli", "worker")
    worker = deployment.processes.pop("worker")
    deployment.until(lambda: has_all_its_children(deployment, worker.pid))
    beat = beat_of(worker.pid)
    assert beat is not None
    beat.send_signal(how)
    assert worker.wait(120) == says
    assert "beat_died" in (deployment.folder / "worker.log").read_text()
