"""`anb` as a person or a program calls it: in this process where that is the same, as a real child where it is not."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from anb.cli import app
from tests.media.factory import Samples

Anb = Callable[..., "Answer"]


@dataclass(frozen=True)
class Answer:
    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """A program reads the last line of standard output."""
        told: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return told


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the caller stands: an empty folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def anb(folder: Path) -> Anb:
    def call(*arguments: str | Path) -> Answer:
        before = logging.getLogger().handlers[:]
        try:
            result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        finally:
            logging.getLogger().handlers[:] = before  # the command's writes to a stream that is closed now
        return Answer(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def real_anb(folder: Path) -> Anb:
    def call(*arguments: str | Path, **environment: str) -> Answer:
        command = [sys.executable, "-m", "anb.cli", *map(str, arguments)]
        everything = os.environ | environment
        done = subprocess.run(command, env=everything, capture_output=True, text=True, timeout=170, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    return call


@dataclass(frozen=True)
class Running:
    url: str
    data_dir: Path
    child: subprocess.Popen[bytes]

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout=60)


@pytest.fixture
def running(folder: Path) -> Iterator[Running]:
    """`anb up`, ready, on a data folder of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data_dir = folder / "data"
    command = [sys.executable, "-m", "anb.cli", "up", "--port", str(port), "--data-dir", str(data_dir)]
    with (folder / "up.out").open("wb") as out, (folder / "up.err").open("wb") as err:
        child = subprocess.Popen(command, stdout=out, stderr=err)
    try:
        _wait_for(f"http://127.0.0.1:{port}/ready", child)
        yield Running(f"http://127.0.0.1:{port}", data_dir, child)
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait(timeout=60)


def _wait_for(url: str, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if httpx2.get(url, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"{url} never answered; the server's exit code is {child.poll()}")
