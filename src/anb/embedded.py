"""Everything in one process: `anb up`."""

import errno
import fcntl
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from anb.api import create_app
from anb.db import Database
from anb.http.protocol import HalfOpenProtocol
from anb.installation import install
from anb.settings import Settings, SettingsError
from anb.worker import EmbeddedWorker

log = structlog.get_logger(__name__)

_LONGEST_WAIT_FOR_CLIENTS_S = 10
_OURS = {"anb.db", "anb.db-wal", "anb.db-shm", "secret_key", "lock", "media", "scratch", "incoming"}
_JOURNAL = "storage-move-"


def serve(
    settings: Settings,
    host: str,
    port: int,
    on_started: Callable[[], None] = lambda: None,
    on_waiting: Callable[[], None] = lambda: None,
) -> int:
    """Blocks until SIGTERM or SIGINT, and then until a running video is finished or, after the grace time, handed back:
    `on_waiting` tells of it. A second SIGINT ends at once. Returns the exit code."""
    with only_process(settings.data_dir), _listening(host, port) as listener:
        keep_private(settings)
        app = create_app(settings)
        _install(settings)
        worker = EmbeddedWorker(settings, app.state.database, app.state.celery, app.state.public_pages.forget)
        app.state.worker_is_alive = worker.is_alive
        server = _Server(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=HalfOpenProtocol,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # proxies.py reads them
                timeout_graceful_shutdown=_LONGEST_WAIT_FOR_CLIENTS_S,
            ),
            on_started,
            lambda: on_waiting() if worker.is_busy() else None,
        )
        worker.start()
        with _signals_to(server):
            try:
                server.run([listener])
            except SystemExit:  # uvicorn's way to end when it cannot start; it has logged why
                pass
            finally:
                worker.stop()
        return 0 if server.started else 1


def _install(settings: Settings) -> None:
    """Not by the server's own connections, whose statements end after seconds: a step may take its time."""
    database = Database(settings.database, pool_size=1)
    try:
        install(settings, database)
    finally:
        database.dispose()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None], on_stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._on_stopping = on_stopping

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal again at its end: this process would die with its worker still at work."""
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A second Ctrl+C is a kill, which loses nothing: what runs is taken up again at the next start."""
        if sig == signal.SIGINT and self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._on_stopping()
        await super().shutdown(sockets)


@contextmanager
def _signals_to(server: _Server) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """Taken before anything is begun, so that a port in use is a sentence and no half-started worker."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise SettingsError(_why_not_there(host, port, error)) from None
        yield listener


def _why_not_there(host: str, port: int, error: OSError) -> str:
    if error.errno in (errno.EADDRINUSE, errno.EACCES):
        return f"--port {port}: {host} refuses it ({error.strerror}); use another --port"
    return f"--host {host}: no address of this machine ({error.strerror}); use 127.0.0.1, or 0.0.0.0 for all it has"


@contextmanager
def only_process(data_dir: Path) -> Iterator[None]:
    """The in-memory queue and the kept pages belong to one process: a second on the same folder is refused."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"ANB_DATA_DIR: {data_dir} cannot be made a folder ({error.strerror})") from None
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"ANB_DATA_DIR: {data_dir} is in use by a running `anb up`; stop it, or name another folder"
            ) from None
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def keep_private(settings: Settings) -> None:
    """Close the data folder to every other user of the machine, also one that an earlier version left open: it holds
    addresses of minors, keys, and originals with their place in them.

    A folder that holds other things too (a home, /srv) stays as it is, and what is ours in it is closed. Media that lie
    elsewhere (`MEDIA_ROOT`) may be shared with other users or hosts and are not touched.
    """
    folder = settings.data_dir.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database, media = folder / "anb.db", folder / "media"
    if settings.database == f"sqlite:///{database}" and not database.exists():
        database.touch(mode=0o600)  # SQLite gives its -wal and -shm the mode of the database
    if settings.media == str(media):
        media.mkdir(mode=0o700, exist_ok=True)
    try:
        found = list(folder.iterdir())
        ours = [path for path in found if path.name in _OURS or path.name.startswith(_JOURNAL)]
        for path in [folder, *ours] if ours == found else ours:
            _close(path)
    except PermissionError as error:  # another user's, who let us in
        log.warning("data_folder_stays_open", path=error.filename, advice="its owner may close it: chmod 0700")


def _close(path: Path) -> None:
    with suppress(FileNotFoundError):  # SQLite removes its -wal when the last one leaves
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            path.chmod(mode & 0o700)
