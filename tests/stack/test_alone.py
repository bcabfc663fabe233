import shlex
import socket
import subprocess
from configparser import RawConfigParser
from dataclasses import replace
from pathlib import Path

import pytest
from deployment.stack import configuration
from deployment.stack.__main__ import main
from deployment.stack.configuration import REPOSITORY, Plan, free_ports
from deployment.stack.servers import Stack, StackError


def test_a_second_stack_in_the_same_folder_is_refused_and_harms_nothing(stack: Stack) -> None:
    before = stack.pid("nginx")
    with pytest.raises(StackError, match="runs in"), Stack(stack.plan):
        pass
    assert stack.is_ready()
    assert stack.pid("nginx") == before


@pytest.mark.parametrize("name", ["100%", 'the "stack"', "a$b", "a\\b", "a ;b"])
def test_a_folder_that_the_servers_would_misread_is_refused_before_it_is_made(tmp_path: Path, name: str) -> None:
    plan = Plan(tmp_path / name, free_ports())
    with pytest.raises(StackError, match="Use another folder"), Stack(plan):
        pass
    assert not plan.folder.exists()


def test_a_file_where_the_folder_is_to_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StackError, match="cannot be made a folder"),
        Stack(Plan(tmp_path / "file", free_ports())),
    ):
        pass


@pytest.mark.parametrize("asked", ["99999", "0", "http"])
def test_a_port_that_is_none_is_refused_in_the_words_of_make(
    asked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["stack", "--port", asked])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert "usage: make stack [PORT=8080] [FOLDER=...]" in said
    assert f"invalid port value: '{asked}'" in said


def test_make_hands_on_a_folder_with_a_space(tmp_path: Path) -> None:
    """BIN has a `python` that says what it is told."""
    (tmp_path / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "python").chmod(0o755)
    asked = ["make", "--no-print-directory", "-o", ".venv/dev.stamp", "stack", f"BIN={tmp_path}"]
    for more, told in (
        (["FOLDER=my own stack", "PORT=8080"], ["--port", "8080", "--folder", "my own stack"]),
        ([], []),
    ):
        said = subprocess.run([*asked, *more], cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
        assert said.splitlines() == ["-m", "deployment.stack", *told]


@pytest.mark.parametrize("listener", [None, 7])
def test_a_checkout_whose_path_has_a_space_runs_the_same_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listener: int | None
) -> None:
    checkout = tmp_path / "my checkout"
    checkout.symlink_to(REPOSITORY)
    monkeypatch.setattr(configuration, "REPOSITORY", checkout)
    monkeypatch.setattr(configuration, "_HERE", checkout / "deployment" / "stack")
    monkeypatch.setattr("sys.executable", str(checkout / ".venv" / "bin" / "python"))
    plan = Plan(tmp_path / "my stack", free_ports())
    plan.write(listener)
    told = RawConfigParser()
    told.read(plan.run / "supervisord.conf")
    commands = [shlex.split(told[name]["command"]) for name in told.sections() if name.startswith("program:")]
    paths = [Path(word) for command in commands for word in command if word.startswith(str(tmp_path))]
    assert {checkout, plan.folder} == {one for path in paths for one in (checkout, plan.folder) if one in path.parents}
    assert all(checkout in path.parents or plan.folder in path.parents or path == plan.run for path in paths)


def test_a_port_that_somebody_has_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        plan = Plan(tmp_path / "stack", replace(free_ports(), nginx=port))
        with pytest.raises(StackError, match=f"Port {port} "), Stack(plan):
            pass
    assert [path.name for path in (tmp_path / "stack").iterdir()] == ["lock"]
