"""The launcher's own functions, each in a forked child, for their walls cannot be taken down again."""

import json
import os
import select
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anb.processing import cage
from anb.processing.limits import MIB
from tests.waiting import until


def orders(workdir: Path, **changes: Any) -> dict[str, Any]:
    limits = {"cpu_s": 20, "memory_bytes": 4096 * MIB, "output_bytes": MIB, "wall_s": 20, "required": []}
    return {**limits, "read": [], "write": [str(workdir)], **changes}


def in_a_child(act: Callable[[], None], meanwhile: Callable[[], None] = lambda: None) -> int:
    """Its wait status: 0 when nothing was raised."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    try:
        meanwhile()
    finally:
        _, ended = os.waitpid(child, 0)
    return ended


def launch(
    arguments: list[str], told: dict[str, Any], *, hang_up: Callable[[], bool] | None = None
) -> tuple[int, dict[str, Any]]:
    """The worker's end is closed as soon as `hang_up` says so."""
    ours, theirs = socket.socketpair()

    def lead() -> None:
        os.setsid()
        ours.close()
        os.dup2(theirs.fileno(), 0)
        theirs.close()
        assert cage.main([json.dumps(told), "--", *arguments]) == 0

    def hang_up_in_time() -> None:
        if hang_up:
            until(hang_up)
            ours.shutdown(socket.SHUT_RDWR)

    status = in_a_child(lead, hang_up_in_time)
    theirs.close()
    with ours:
        answer = b"" if hang_up else ours.recv(4096)
    return status, json.loads(answer or b"{}")


def test_how_the_tool_ended_is_told(tmp_path: Path) -> None:
    status, ending = launch(["/bin/true"], orders(tmp_path))
    assert (status, ending["exit"], ending["signal"]) == (0, 0, None)
    assert launch(["/bin/false"], orders(tmp_path))[1]["exit"] == 1
    assert launch(["/nowhere"], orders(tmp_path))[1]["exit"] == 127


def test_children_die_with_their_group_where_the_kernel_lets_a_tool_have_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cage, "_no_other_process", refuse)
    told = tmp_path / "pid"
    script = f"sleep 300 & echo $! > {told}; wait"

    def has_a_child() -> bool:
        return told.exists() and told.read_text().endswith("\n")

    status, _ = launch(["/bin/sh", "-c", script], orders(tmp_path, wall_s=100), hang_up=has_a_child)
    assert os.WTERMSIG(status) == signal.SIGKILL
    child = int(told.read_text())
    assert pidfd_ends(child)


def pidfd_ends(pid: int) -> bool:
    """A killed orphan is gone, or about to be."""
    try:
        ending = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([ending], [], [], 60)[0])
    finally:
        os.close(ending)


def test_an_unknown_machine_has_the_other_walls() -> None:
    with pytest.raises(OSError, match="riscv64"):
        cage._call_filter("riscv64", 1)


@pytest.mark.parametrize(
    ("wall_s", "hang_up"),
    [(100, lambda: True), (0.2 - cage.GRACE_S, None)],
    ids=["the worker hangs up", "the clock runs out"],
)
def test_the_launcher_kills_its_group_itself(tmp_path: Path, wall_s: float, hang_up: Callable[[], bool] | None) -> None:
    status, _ = launch(["/bin/sleep", "60"], orders(tmp_path, wall_s=wall_s), hang_up=hang_up)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_the_cage_closes_around_this_process(tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.write_text("x")
    files_are_walled = cage.report()["files"] == "ok"

    def look_around() -> None:
        cage._drop_into_cage(orders(tmp_path))
        (tmp_path / "inside").write_text("x")
        assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_DFL
        assert os.read(0, 1) == b""
        if files_are_walled:
            with pytest.raises(PermissionError):
                outside.read_text()

    assert in_a_child(look_around) == 0


@pytest.mark.parametrize("version", [1, 2, 3, 4, 9])
def test_every_version_of_landlock_is_spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    if cage.report()["files"] != "ok" or version > cage._landlock_version():
        monkeypatch.setattr(cage, "_landlock_version", lambda: 1)
    else:
        monkeypatch.setattr(cage, "_landlock_version", lambda: version)
    assert in_a_child(lambda: cage._only_these_files(["/nowhere"], [str(tmp_path)])) == 0


def refuse() -> None:
    raise OSError(1, "Operation not permitted")


def test_a_missing_wall_is_reported_with_its_reason_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cage, "_no_network", refuse)
    before = cage.report()
    assert before["network"] == before["processes"]  # in most containers the filter of calls closes it alone
    monkeypatch.setattr(cage, "_no_other_process", refuse)
    assert cage.main(["--report"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["network"], told["processes"]) == ("Operation not permitted", "Operation not permitted")
    assert in_a_child(lambda: cage._drop_into_cage(orders(tmp_path))) == 0


@pytest.mark.parametrize("wall", ["_only_these_files", "_no_other_process"])
def test_a_tool_does_not_start_without_a_wall_that_its_kernel_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wall: str
) -> None:
    monkeypatch.setattr(cage, wall, lambda *_: refuse())
    told = orders(tmp_path, required=["files", "processes"])
    assert launch(["/bin/true"], told)[1]["exit"] == 127
    assert launch(["/bin/true"], orders(tmp_path))[1]["exit"] == 0


def test_a_refused_call_is_an_error_with_its_number() -> None:
    with pytest.raises(OSError):
        cage._checked(-1)
