import socket
from dataclasses import replace
from pathlib import Path

import pytest
from deployment.stack.__main__ import main
from deployment.stack.configuration import Plan, free_ports
from deployment.stack.servers import Stack, StackError


def test_a_second_stack_in_the_same_folder_is_refused_and_harms_nothing(stack: Stack) -> None:
    before = stack.pid("nginx")
    with pytest.raises(StackError, match="runs in"), Stack(stack.plan):
        pass
    assert stack.is_ready()
    assert stack.pid("nginx") == before


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


def test_a_port_that_somebody_has_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        plan = Plan(tmp_path / "stack", replace(free_ports(), nginx=port))
        with pytest.raises(StackError, match=f"Port {port} "), Stack(plan):
            pass
    assert [path.name for path in (tmp_path / "stack").iterdir()] == ["lock"]
