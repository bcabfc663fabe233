"""Composition root of the processing side: Celery prefork as `anb worker`, or a thread inside `anb up`."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import cache, partial

import celery.worker.state
import structlog
from billiard.util import set_pdeathsig
from celery import Celery, signals
from celery.worker import WorkController

from anb import logs, metrics
from anb.db import PATIENCE_S, Database
from anb.jobs.app import Bell, make_celery
from anb.operations import scrape
from anb.operations.sentry import report_errors
from anb.operations.tracing import trace
from anb.processing import tasks
from anb.processing.limits import Limits
from anb.processing.service import Workshop
from anb.processing.sweep import Sweeper
from anb.settings import Settings
from anb.storage import open_storage
from anb.uploads import tasks as upload_tasks
from anb.uploads.service import open_uploads
from anb.uploads.sweep import UploadSweeper

log = structlog.get_logger(__name__)

_SCHEDULER = "celery.beat:Scheduler"
"""Remembers nothing, for its schedule is in the settings: no file that a stop could find half written."""


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
        limits=Limits(
            threads=settings.ffmpeg_threads,
            memory_bytes=settings.ffmpeg_memory_bytes,
            wall_seconds=settings.ffmpeg_wall_s,
        ),
        scratch=settings.scratch,
        lease_s=settings.lease_s,
        max_attempts=settings.max_attempts,
        must_stop=shutdown.must_stop,
        published=published,
    )


def make_sweeper(settings: Settings, database: Database, celery_app: Celery) -> Sweeper:
    return Sweeper(
        database=database,
        storage=open_storage(settings),
        scratch=settings.scratch,
        ring=Bell(celery_app).ring,
        max_attempts=settings.max_attempts,
        ring_again_after_s=settings.ring_again_after_s,
        orphan_age_s=settings.orphan_age_s,
    )


def make_upload_sweeper(settings: Settings, database: Database, celery_app: Celery) -> UploadSweeper:
    uploads = open_uploads(settings, database, open_storage(settings), Bell(celery_app).ring)
    return UploadSweeper(uploads, settings.orphan_age_s)


def run(settings: Settings, *, beat: bool) -> int:
    """Celery prefork until SIGTERM: what runs is finished or, after the grace time, handed back. Returns exit code."""
    settings.require_broker()
    logs.configure(settings)
    report_errors(settings)
    trace(settings)
    signals.setup_logging.connect(_keep_our_logging)
    shutdown = Shutdown()
    app = make_celery(settings)

    @cache
    def database() -> Database:  # first asked for inside a child
        database = Database(settings.database, pool_size=2, patience_s=PATIENCE_S)
        metrics.watch_pool(database.engine)
        return database

    tasks.register(
        app,
        cache(lambda: make_workshop(settings, database(), shutdown, _nobody_to_tell)),
        cache(lambda: make_sweeper(settings, database(), app)),
    )
    upload_tasks.register(app, cache(lambda: make_upload_sweeper(settings, database(), app)))

    def shutting_down(**_: object) -> None:
        shutdown.begin(settings.grace_s)

    signals.worker_shutting_down.connect(shutting_down)
    beat_began = partial(_end_with_parent, os.getpid())
    signals.beat_embedded_init.connect(beat_began)
    with scrape.served(settings.worker_metrics_host, settings.worker_metrics_port) as let_go_of_port:
        signals.worker_process_init.connect(let_go_of_port)
        worker = app.Worker(
            pool="prefork",
            concurrency=settings.worker_concurrency,
            beat=beat,
            scheduler=_SCHEDULER,
            optimization="fair",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
        )
        worker.start()
    return int(worker.exitcode or 0)


def keep_time(settings: Settings) -> None:
    """Celery's beat alone, until SIGTERM."""
    settings.require_broker()
    logs.configure(settings)
    signals.setup_logging.connect(_keep_our_logging)
    make_celery(settings).Beat(scheduler_cls=_SCHEDULER, quiet=True).run()


class EmbeddedWorker:
    """The same tasks by a Celery worker with one thread, and the sweep in another, inside this process."""

    def __init__(self, settings: Settings, database: Database, app: Celery, published: Callable[[], None]) -> None:
        self._settings = settings
        self._shutdown = Shutdown()
        self._closing = threading.Event()
        self._sweeper = make_sweeper(settings, database, app)
        self._upload_sweeper = make_upload_sweeper(settings, database, app)
        workshop = make_workshop(settings, database, self._shutdown, published)
        tasks.register(app, lambda: workshop, lambda: self._sweeper)
        signals.setup_logging.connect(_keep_our_logging)
        self._worker = WorkController(
            app, pool="threads", concurrency=1, without_gossip=True, without_mingle=True, without_heartbeat=True
        )
        self._threads = [
            threading.Thread(target=self._worker.start, name="worker", daemon=True),
            threading.Thread(target=self._sweep, name="sweep", daemon=True),
        ]

    def start(self) -> None:
        celery.worker.state.should_stop = None
        for thread in self._threads:
            thread.start()

    def is_alive(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def is_busy(self) -> bool:
        """Whether a video is being processed."""
        return bool(celery.worker.state.active_requests)

    def stop(self) -> None:
        """Returns when the running video is finished or, after the grace time, handed back."""
        self._closing.set()
        self._shutdown.begin(self._settings.grace_s)
        celery.worker.state.should_stop = 0
        for thread in self._threads:
            thread.join()

    def _sweep(self) -> None:
        next_bytes = 0.0
        while not self._closing.is_set():
            sweeps: list[Callable[[], object]] = [self._sweeper.sweep_rows, self._upload_sweeper.sweep]
            if time.monotonic() >= next_bytes:
                next_bytes = time.monotonic() + self._settings.sweep_bytes_every_s
                sweeps.append(self._sweeper.sweep_bytes)
            for sweep in sweeps:
                try:
                    sweep()
                except Exception as error:  # a full disk, a locked database: the next sweep tries again
                    log.error("sweep_failed", exc_info=error)
            self._closing.wait(self._settings.sweep_every_s)


def _keep_our_logging(**_: object) -> None:
    """Connected, this keeps Celery from configuring logs itself."""


def _end_with_parent(parent: int, **_: object) -> None:
    """In the beat's process. Celery stops it by one SIGTERM, which is lost when it comes right after the fork, while
    the parent's handler is still inherited; of a parent that was killed it hears nothing. It would ring for ever."""
    set_pdeathsig(signal.SIGTERM)
    if os.getppid() != parent:  # gone before the wish was heard
        os.kill(os.getpid(), signal.SIGTERM)


def _nobody_to_tell() -> None:
    """Pages are kept in other processes, for a second."""
