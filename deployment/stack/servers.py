"""A running stack: started in order, asked about, stopped whole."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal, Self
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from supervisor.xmlrpc import SupervisorTransport

from deployment.stack.configuration import REPOSITORY, Plan, postgres_binaries, postgres_owner

_ABOVE_MINFDS = 200
_THEN = ("web", "worker", "beat", "nginx")
_MORE_THAN_A_NAME = re.compile(r'["$%\\]| ;')
ANB = Path(sys.executable).parent / "anb"


class StackError(Exception):
    """It did not start; the message holds the ends of the logs."""


class Stack:
    """`with Stack(plan, settings):` runs it. `settings` are more variables for web, worker and beat."""

    def __init__(self, plan: Plan, settings: Mapping[str, str] | None = None) -> None:
        self.plan = plan
        self._settings = settings or {}
        self._supervisord: subprocess.Popen[bytes] | None = None
        self._only_one = contextlib.ExitStack()

    def __enter__(self) -> Self:
        for path in (self.plan.folder, REPOSITORY):
            _require_plain(path)
        try:
            self.plan.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(f"FOLDER={self.plan.folder} cannot be made a folder ({error.strerror})") from error
        self._only_one.enter_context(_alone_in(self.plan.folder))
        try:
            _require_free(self.plan.ports.nginx)
            with self._kept_port() as listener:
                self.plan.write(listener)
                self._nginx_group.unlink(missing_ok=True)  # of a run before: its number may be anybody's by now
                self._initialise_postgres()
                self._start_supervisord(() if listener is None else (listener,))
            self._until("PostgreSQL", self._database_is_there)
            subprocess.run([ANB, "migrate"], env=self.environment, check=True, stdout=subprocess.DEVNULL)
            for name in _THEN:
                self.control("startProcess", name)
            self._until("the whole", self.is_ready)
        except BaseException:
            self.stop()
            raise
        return self

    def _start_supervisord(self, kept: tuple[int, ...]) -> None:
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.plan.run / "supervisord.conf")]
        with (self.plan.logs / "supervisor.log").open("ab") as log:
            self._supervisord = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, pass_fds=kept,
            )  # fmt: skip

    @contextlib.contextmanager
    def _kept_port(self) -> Iterator[int | None]:
        """Ours until supervisord has it; gunicorn listens on it, and its backlog holds whoever comes between two."""
        if not self.plan.keeps_port:
            yield None
            return
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.plan.ports.web))
            listener.listen(2048)
            high = fcntl.fcntl(listener, fcntl.F_DUPFD_CLOEXEC, _ABOVE_MINFDS)
            try:
                yield high
            finally:
                os.close(high)

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told, for one more of them."""
        return self.plan.environment(self._settings)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Each ends as its own stop signal asks; supervisord waits for them."""
        with self._only_one:
            self._stop()

    def _stop(self) -> None:
        if self._supervisord is None:
            return
        self._supervisord.terminate()
        self._supervisord.wait()
        self._supervisord = None
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a master that was killed just now
            os.killpg(int(self._nginx_group.read_text()), signal.SIGKILL)

    @property
    def _nginx_group(self) -> Path:
        return self.plan.run / "nginx.group"

    def wait(self) -> None:
        """Until supervisord ends."""
        if self._supervisord is not None:
            self._supervisord.wait()

    def control(self, action: Literal["startProcess", "stopProcess", "getProcessInfo"], name: str) -> Any:
        """One of supervisord's own calls. A start is not waited for: whoever needs it asks what the process does."""
        transport = SupervisorTransport(None, None, f"unix://{self.plan.run / 'supervisor.sock'}")
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as server:
            return getattr(server.supervisor, action)(name, *([False] if action == "startProcess" else []))

    def pid(self, name: str) -> int | None:
        """None while it is down."""
        pid: int = self.control("getProcessInfo", name)["pid"]
        return pid or None

    def is_ready(self) -> bool:
        with contextlib.suppress(URLError, HTTPException, OSError), urlopen(f"{self.plan.url}/ready", timeout=5) as it:  # noqa: S310
            return b'"status":"ready"' in it.read()
        return False

    def _until(self, what: str, done: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if done():
                return
            if self._supervisord is not None and self._supervisord.poll() is not None:
                break
            time.sleep(0.1)
        raise StackError(f"{what} did not start.\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in sorted(self.plan.logs.glob("*.log")))

    def _initialise_postgres(self) -> None:
        data = self.plan.run / "postgres"
        if data.exists():
            return
        data.mkdir(mode=0o700)
        owner = postgres_owner()
        drop: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(data, owner)
            drop = ["setpriv", f"--reuid={owner}", "--regid", owner, "--clear-groups"]
        initdb = postgres_binaries() / "initdb"
        command = [*drop, str(initdb), "-D", str(data), "-A", "trust", "-U", "anb", "-E", "UTF8", "--locale=C.UTF-8"]
        made = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
        if made.returncode:
            data.rmdir()
            raise StackError(
                f"{made.stderr}User {owner} must be able to reach {data}: use another folder: make stack FOLDER=..."
            )

    def _database_is_there(self) -> bool:
        address = f"host=127.0.0.1 port={self.plan.ports.postgres} user=anb"
        try:
            with psycopg.connect(f"{address} dbname=postgres", autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'anb'").fetchone():
                    connection.execute("CREATE DATABASE anb")
        except psycopg.OperationalError:
            return False
        return True


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """A second one would write over the first one's files and end its nginx. Raises StackError."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"A stack runs in {folder} already: stop it with Ctrl+C, or use another folder: make stack FOLDER=..."
            ) from None
        yield


def _require_plain(path: Path) -> None:
    """Of what supervisord's and nginx's files take for more than a part of a name."""
    if found := _MORE_THAN_A_NAME.search(str(path)):
        raise StackError(f"No stack runs where a folder's name has {found[0]}: {path}. Use another folder.")


def _require_free(port: int) -> None:
    """Else whoever has it would be taken for the stack."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(f"Port {port} is not to be had ({error.strerror}): use another PORT.") from None
