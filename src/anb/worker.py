"""Composition root of the processing side: Celery prefork as `anb worker`, or a thread inside `anb up`."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import billiard.pool
import celery.worker.state
import structlog
from billiard.util import set_pdeathsig
from celery import Celery, signals
from celery.platforms import set_process_title
from celery.worker import WorkController

from anb import beat, logs, metrics
from anb.db import PATIENCE_S, Database
from anb.jobs.app import make_celery
from anb.operations import scrape
from anb.operations.sentry import report_errors
from anb.operations.tracing import trace
from anb.processing import tasks
from anb.processing.chosen import limits_of, rules_of
from anb.processing.service import Workshop
from anb.settings import Settings
from anb.storage import open_storage

log = structlog.get_logger(__name__)

POOL = 2
"""Of each child, which processes one video."""

_LONGEST_SWEEP_S = 3.0


class Shutdown:
    """Says when the grace time is over. Made before the fork, so that children see what the parent was told."""

    def __init__(self) -> None:
        self._deadline = multiprocessing.Value("d", 0.0, lock=False)  # monotonic seconds, one clock for all; 0: none

    def begin(self, grace_s: float) -> None:
        self._deadline.value = time.monotonic() + grace_s

    def must_stop(self) -> bool:
        deadline: float = self._deadline.value
        return 0.0 < deadline < time.monotonic()


def make_workshop(
    settings: Settings, database: Database, shutdown: Shutdown, published: Callable[[], None]
) -> Workshop:
    return Workshop(
        database=database,
        storage=open_storage(settings),
        limits=limits_of(settings),
        rules=rules_of(settings),
        scratch=settings.scratch,
        lease_s=settings.lease_s,
        max_attempts=settings.max_attempts,
        must_stop=shutdown.must_stop,
        published=published,
    )


def run(settings: Settings, *, with_beat: bool) -> int:
    """Celery prefork until SIGTERM: what runs is finished or, after the grace time, handed back. Returns exit code."""
    settings.require_servers()
    logs.configure(settings)
    if not with_beat:
        return _run(settings)
    with _beat_beside(settings) as beat_has_died:
        return _run(settings) or int(beat_has_died())


def _run(settings: Settings) -> int:
    report_errors(settings)
    trace(settings)
    signals.setup_logging.connect(_keep_our_logging)
    # A child that ends waits until its parent has read its last result, half a minute where the parent has stopped
    # reading. An unread result costs a bell and no more, for the row is the job. In tenths of a second:
    billiard.pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20
    shutdown = Shutdown()
    app = make_celery(settings)

    @cache
    def database() -> Database:  # first asked for inside a child
        database = Database(settings.database, pool_size=POOL, patience_s=PATIENCE_S)
        metrics.watch_pool(database.engine, database.most_connections)
        return database

    tasks.register(app, cache(lambda: make_workshop(settings, database(), shutdown, _nobody_to_tell)))

    def shutting_down(**_: object) -> None:
        shutdown.begin(settings.grace_s)

    signals.worker_shutting_down.connect(shutting_down)
    port = settings.worker_metrics_port
    with scrape.served(settings.worker_metrics_host, port, "ANB_WORKER_METRICS_PORT") as let_go_of_port:
        signals.worker_process_init.connect(let_go_of_port)
        worker = app.Worker(
            pool="prefork",
            concurrency=settings.worker_concurrency,
            optimization="fair",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        worker.start()
    return int(worker.exitcode or 0)


@contextmanager
def _beat_beside(settings: Settings) -> Iterator[Callable[[], bool]]:
    """The sweeps in a process of their own: threads of the parent would be in its forks' way. Gives whether it died.

    Half a worker is none: when it ends unasked the parent ends too, in its orderly way, and whoever started it starts
    both.
    """
    asked = threading.Event()
    process = multiprocessing.get_context("fork").Process(target=_beat, args=(settings, os.getpid()), daemon=True)

    def watch() -> None:
        process.join()
        if not asked.is_set():
            log.error("beat_died", exit=process.exitcode)
            os.kill(os.getpid(), signal.SIGTERM)

    watching = threading.Thread(target=watch, name="watch beat", daemon=True)
    # A signal that comes right after a fork is lost with what Python forgets there; one that is blocked waits. And one
    # that ended us between the start and the `try` would leave the beat alone.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, beat.ENDINGS)
    process.start()
    watching.start()
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield lambda: bool(process.exitcode)
    finally:
        asked.set()
        process.terminate()
        watching.join(2 * beat.LONGEST_END_S)
        process.kill()  # one that does not end: a sweep may die at any point
        watching.join()


def _beat(settings: Settings, parent: int) -> None:
    """Of a parent that is killed it would hear nothing, and sweep for ever."""
    set_process_title("anb beat")
    os.setpgid(0, 0)  # a terminal's Ctrl+C is for the parent, which ends its beat itself
    set_pdeathsig(signal.SIGTERM)
    if os.getppid() == parent:  # else it was gone before the wish was heard
        beat.run(settings, metrics_port=0)


class EmbeddedWorker:
    """The same tasks by a Celery worker with one thread, and the sweeps in others, inside this process."""

    def __init__(self, settings: Settings, database: Database, app: Celery, published: Callable[[], None]) -> None:
        self._settings = settings
        self._shutdown = Shutdown()
        self._beat = beat.make_beat(settings, database, app)
        workshop = make_workshop(settings, database, self._shutdown, published)
        tasks.register(app, lambda: workshop)
        signals.setup_logging.connect(_keep_our_logging)
        self._worker = WorkController(
            app, pool="threads", concurrency=1, without_gossip=True, without_mingle=True, without_heartbeat=True
        )
        self._thread = threading.Thread(target=self._worker.start, name="worker", daemon=True)

    def start(self) -> None:
        celery.worker.state.should_stop = None
        self._thread.start()
        self._beat.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive() and self._beat.is_alive()

    def is_busy(self) -> bool:
        """Whether a video is being processed."""
        return bool(celery.worker.state.active_requests)

    def stop(self) -> None:
        """Returns when the running video is finished or, after the grace time, handed back. A sweep may die at any
        point, and one that hangs is not waited for."""
        self._shutdown.begin(self._settings.grace_s)
        celery.worker.state.should_stop = 0
        self._beat.stop(_LONGEST_SWEEP_S)
        self._thread.join()


def _keep_our_logging(**_: object) -> None:
    """Connected, this keeps Celery from configuring logs itself."""


def _nobody_to_tell() -> None:
    """Pages are kept in other processes, for a second."""
