"""This machine's RabbitMQ, in a virtual host of its own."""

import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def virtual_host() -> Iterator[str]:
    """Gives the URL. Where there is no RabbitMQ, or none that this user may configure, the test says so and skips;
    under CI it fails."""
    name = f"anb_test_{uuid.uuid4().hex[:12]}"
    trouble = _trouble() or _control("add_vhost", name)
    if trouble:
        if os.environ.get("CI") == "true":
            pytest.fail(trouble)
        pytest.skip(trouble)
    try:
        assert _control("set_permissions", "-p", name, "guest", ".*", ".*", ".*") == ""
        yield f"amqp://guest:guest@127.0.0.1:5672/{name}"
    finally:
        _control("delete_vhost", name)


def _trouble() -> str:
    if shutil.which("rabbitmqctl") is None:
        return "RabbitMQ is not installed here (apt-get install rabbitmq-server)"
    with socket.socket() as probe:
        return "RabbitMQ does not answer on 127.0.0.1:5672" if probe.connect_ex(("127.0.0.1", 5672)) else ""


def _control(*command: str) -> str:
    """What went wrong, or nothing."""
    done = subprocess.run(["rabbitmqctl", "-q", *command], capture_output=True, text=True, check=False, timeout=60)
    return f"rabbitmqctl {command[0]}: {done.stderr or done.stdout}" if done.returncode else ""
