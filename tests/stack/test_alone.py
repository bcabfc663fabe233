import socket
from dataclasses import replace
from pathlib import Path

import pytest
from deployment.stack.configuration import Plan, free_ports
from deployment.stack.servers import Stack, StackError


def test_a_second_stack_in_the_same_folder_is_refused_and_harms_nothing(stack: Stack) -> None:
    before = stack.pid("nginx")
    with pytest.raises(StackError, match="runs in"), Stack(stack.plan):
        pass
    assert stack.is_ready()
    assert stack.pid("nginx") == before


def test_a_port_that_somebody_has_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        plan = Plan(tmp_path / "stack", replace(free_ports(), nginx=port))
        with pytest.raises(StackError, match=f"Port {port} "), Stack(plan):
            pass
    assert [path.name for path in (tmp_path / "stack").iterdir()] == ["lock"]
