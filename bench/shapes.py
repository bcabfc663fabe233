"""The product's own processes on a folder and a database of this run's own."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

ROOT = Path(__file__).parent.parent
SECRET = "known to this benchmark only, long enough"
WORKERS = 4
SERVER = os.environ.get("ANB_TEST_DATABASE_URL", "")
BROKER = os.environ.get("ANB_TEST_BROKER_URL", "")

UP = ("anb.cli", "up", "--port")
GUNICORN = ("gunicorn", "-k", "anb.http.protocol.HalfOpenWorker", "-w", str(WORKERS), "--preload",
            "--log-level", "error", "bench.empty:create_app()", "-b")  # fmt: skip
EMPTY = ("uvicorn", "bench.empty:create_app", "--factory", "--loop", "uvloop", "--no-access-log", "--log-level",
         "error", "--http", "anb.http.protocol:HalfOpenProtocol", "--port")  # fmt: skip


def forget_environment() -> None:
    """The benchmark sets what it needs; a developer's own settings must not reach it."""
    for name in list(os.environ):
        if name in {"DATABASE_URL", "CELERY_BROKER_URL", "MEDIA_ROOT", "SECRET_KEY"} or name.startswith("ANB_"):
            del os.environ[name]


def environment(folder: Path, database_url: str = "") -> dict[str, str]:
    own = {
        "ANB_DATA_DIR": str(folder),
        "SECRET_KEY": SECRET,
        "ANB_LOG_LEVEL": "warning",
        "ANB_DISK_RESERVE_BYTES": "0",
        "ANB_RATE_LIMITS_TIMES": "1000000",
        "ANB_MAX_UNFINISHED_VIDEOS": "1000000",
        "ANB_MAX_BYTES_A_DAY": str(2**50),
    }
    if database_url:
        own |= {"DATABASE_URL": database_url, "CELERY_BROKER_URL": BROKER}
    return os.environ | own


@contextmanager
def running(module: tuple[str, ...], folder: Path, database_url: str = "") -> Iterator[tuple[int, int]]:
    """Port and process id, once `/health` answers."""
    port = _free_port()
    place = f"127.0.0.1:{port}" if module is GUNICORN else str(port)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", *module, place], cwd=ROOT, env=environment(folder, database_url), stdout=log,
            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        _wait(port, child, folder / "log")
        yield port, child.pid
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _wait(port: int, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while child.poll() is None and time.monotonic() < deadline:
        try:
            httpx2.get(f"http://127.0.0.1:{port}/health", timeout=2, trust_env=False).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database that lives as long as the block."""
    name = f"anb_bench_{uuid.uuid4().hex[:12]}"
    server = make_url(SERVER).set(drivername="postgresql+psycopg")
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()
