"""PostgreSQL servers of our own: a primary and a standby that follows it, to be stopped, frozen and killed."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
from deployment.stack.configuration import postgres_binaries, postgres_owner

from tests.server import free_port

_QUICK = ("-c", "max_connections=60", "-c", "shared_buffers=16MB")


class Postgres:
    """One server, on a free port; what it keeps lies in `data`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://anb@127.0.0.1:{self.port}/anb"

    def initialise(self) -> None:
        _run("initdb", "-D", self.data, "-A", "trust", "-U", "anb", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")

    def follow(self, primary_port: int) -> None:
        """Becomes a copy that follows; the primary keeps its log until it was sent here."""
        _run(
            "pg_basebackup", "-D", self.data, "-h", "127.0.0.1", "-p", str(primary_port), "-U", "anb", "-R",
            "--checkpoint=fast", "--no-sync", "-C", "-S", f"anb_{self.port}",
        )  # fmt: skip

    def start(self) -> None:
        command = [postgres_binaries() / "postgres", "-D", self.data, "-p", str(self.port)]
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        self._process = subprocess.Popen(
            [*_as_owner(), *map(str, command), *settings, *_QUICK], cwd="/", stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not self.answers():
            assert time.monotonic() < deadline, "PostgreSQL does not start"
            time.sleep(0.05)

    def answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            self.ask("SELECT 1")
            return True
        return False

    def ask(self, statement: str, database: str = "postgres") -> object:
        """The first value of the answer."""
        address = f"host=127.0.0.1 port={self.port} user=anb dbname={database} connect_timeout=5"
        with psycopg.connect(address, autocommit=True) as connection:
            answer = connection.execute(statement.encode())
            row = answer.fetchone() if answer.description else None
        return row[0] if row else None

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """All its processes at once, as a power cut does."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
            (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _signal(self, number: int) -> None:
        """To each: PostgreSQL's children are in groups of their own. To their parent first, that it starts no more."""
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        children = parent.children(recursive=True)
        for process in (parent, *children):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


@contextlib.contextmanager
def primary_and_standby(folder: Path) -> Iterator[tuple[Postgres, Postgres]]:
    """Both run; the primary has an empty database `anb`. `folder` must be within reach of PostgreSQL's user."""
    if os.geteuid() == 0:
        subprocess.run(["chown", postgres_owner(), folder], check=True)
    primary, standby = Postgres(folder / "primary"), Postgres(folder / "standby")
    try:
        primary.initialise()
        primary.start()
        primary.ask("CREATE DATABASE anb")
        standby.follow(primary.port)
        standby.start()
        yield primary, standby
    finally:
        standby.kill()
        primary.kill()


def _run(program: str, *arguments: str | Path) -> None:
    command = [*_as_owner(), str(postgres_binaries() / program), *map(str, arguments)]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _as_owner() -> list[str]:
    """PostgreSQL refuses to run as root."""
    owner = postgres_owner()
    return ["setpriv", f"--reuid={owner}", "--regid", owner, "--clear-groups"] if os.geteuid() == 0 else []
