"""Composition root of the sweeps: `anb beat`, a process beside those of `anb worker`, or threads inside `anb up`.

They go through no queue, so that neither a long one nor a broker that is away keeps what is stuck from being freed.
"""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import structlog
from celery import Celery

from anb import logs, metrics
from anb.db import PATIENCE_S, Database, lacks_schema
from anb.jobs.app import Bell, make_celery
from anb.operations import scrape
from anb.operations.sentry import report_errors
from anb.operations.tracing import trace
from anb.processing.sweep import ByteSweeper, RowSweeper
from anb.settings import Settings
from anb.storage import open_storage
from anb.uploads.service import open_uploads
from anb.uploads.sweep import UploadSweeper

log = structlog.get_logger(__name__)

ENDINGS = {signal.SIGTERM, signal.SIGINT}
LONGEST_END_S = 10.0
"""A sweep may die at any point, so a process that ends does not wait for a file server that is away."""

POOL = 3
"""One for each sweep."""

_LOOKS_EVERY_S = 1.0


@dataclass(frozen=True)
class Sweep:
    name: str
    run: Callable[[], object]
    every_s: float


class Beat:
    """Each sweep has a thread of its own: none waits for a bucket that another one lists, or a share that hangs."""

    def __init__(self, sweeps: Sequence[Sweep]) -> None:
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(sweep,), name=f"sweep {sweep.name}", daemon=True)
            for sweep in sweeps
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def is_alive(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def stop(self, within_s: float) -> None:
        """All of them together."""
        self._closing.set()
        until = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _repeat(self, sweep: Sweep) -> None:
        while not self._closing.is_set():
            try:
                sweep.run()
            except Exception as error:  # a full disk, a database that is away: the next time tries again
                if lacks_schema(error):
                    log.error("schema_missing", sweep=sweep.name, fix="run `anb migrate`")
                else:
                    log.error("sweep_failed", sweep=sweep.name, exc_info=error)
            self._closing.wait(sweep.every_s)


def make_beat(settings: Settings, database: Database, celery: Celery) -> Beat:
    """What the sweeps need is opened by themselves, as often as it takes: at a start a share may not be there yet."""
    ring = Bell(celery).ring
    rows = RowSweeper(database, ring, settings.max_attempts, settings.ring_again_after_s)

    @cache
    def stored() -> ByteSweeper:
        return ByteSweeper(database, open_storage(settings), settings.scratch, settings.orphan_age_s)

    @cache
    def uploads() -> UploadSweeper:
        opened = open_uploads(settings, database, open_storage(settings))
        return UploadSweeper(opened, ring, settings.orphan_age_s)

    return Beat(
        [
            Sweep("rows", rows.sweep, settings.sweep_every_s),
            Sweep("uploads", lambda: uploads().sweep(), settings.sweep_every_s),
            Sweep("bytes", lambda: stored().sweep(), settings.sweep_bytes_every_s),
        ]
    )


def run(settings: Settings, metrics_port: int) -> None:
    """Until SIGTERM or SIGINT. Raises RuntimeError when a sweep's thread has ended: whoever watches starts it anew."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)  # before there are threads, which would take them
    settings.require_servers()
    logs.configure(settings)
    report_errors(settings)
    trace(settings)
    with scrape.served(settings.worker_metrics_host, metrics_port, "ANB_BEAT_METRICS_PORT"):
        database = Database(settings.database, pool_size=POOL, patience_s=PATIENCE_S)
        metrics.watch_pool(database.engine, database.most_connections)
        beat = make_beat(settings, database, make_celery(settings))
        beat.start()
        while signal.sigtimedwait(ENDINGS, _LOOKS_EVERY_S) is None:
            if not beat.is_alive():
                raise RuntimeError("a sweep has ended by itself")
        beat.stop(LONGEST_END_S)
