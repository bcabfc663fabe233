"""`anb up` as a child process, for the time of a demo, on a data folder that only demos use."""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from anb.settings import names_of_places

_MARK = ".anb-demo"
_OWN = ("anb.db", "anb.db-wal", "anb.db-shm", "secret_key", "media", "server.log", "clip.mp4", "processed.mp4",
        "poster.jpg")  # fmt: skip
_START_S = 60
_STOP_S = 40


class DemoError(Exception):
    """The demo did not show what it promises; the message says where it stopped."""


def claim_folder(folder: Path) -> None:
    """Mark it as a demo's, which may replace its own files there: a folder with other things in it is refused."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / _MARK).exists():
        raise DemoError(f"{folder} is not empty and has no {_MARK}, which a demo leaves; choose another --data-dir")
    (folder / _MARK).touch()


def prepare_folder(folder: Path) -> None:
    """Empty it of what an earlier demo left, and of nothing else."""
    claim_folder(folder)
    folder.chmod(0o700)  # also one that an earlier version made
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"{folder} is in use by a server that still runs") from None
        for name in _OWN:
            _remove(folder / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Its address. Leaving the block stops it by SIGTERM, and an exit code other than 0 is an error."""
    port = _free_port()
    command = [sys.executable, "-m", "anb.cli", "up", "--port", str(port), "--data-dir", str(folder)]
    with (folder / "server.log").open("wb") as log:
        child = subprocess.Popen(command, env=_environment(), stdout=log, stderr=log)  # noqa: S603 - our own command
    try:
        base_url = f"http://127.0.0.1:{port}"
        _wait_until_ready(base_url, child, folder / "server.log")
        yield base_url
        code = _stop(child)
    finally:
        if child.poll() is None:
            _stop(child)
    if code != 0:
        raise DemoError(f"the server ended with exit code {code}; see {folder / 'server.log'}")


def _environment() -> dict[str, str]:
    """The demo is the embedded shape, also on a machine whose environment says otherwise: whatever names a place, a
    server or a key stays out. Its sweep would take another contest's media for nobody's."""
    elsewhere = names_of_places()
    return {name: value for name, value in os.environ.items() if name not in elsewhere}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(base_url: str, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if httpx2.get(f"{base_url}/ready", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass  # not listening yet
        time.sleep(0.1)
    last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    raise DemoError(f"the server did not become ready; its last words:\n{last}")


def _stop(child: subprocess.Popen[bytes]) -> int:
    child.terminate()
    try:
        return child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()
