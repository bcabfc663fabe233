"""Each web process looks once an interval at what its server's processes counted, and keeps it in the database."""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from math import inf

import structlog

from anb import metrics
from anb.db import Database
from anb.history import repository
from anb.operations import host, scrape
from anb.operations.backlog import KeptBacklog

log = structlog.get_logger(__name__)

KEPT_INTERVALS = 31 * 24 * 60
_PATIENCE_S = 5.0
"""A frozen database must not keep the server from stopping."""
_SMOOTHED_OVER = 5
"""Intervals, as Prometheus' rules take rates over five minutes."""

_Seen = tuple[host.CpuTime | None, Mapping[float, float]]


class Recorder:
    def __init__(self, database: Database, backlog: KeptBacklog, every_s: float) -> None:
        self._database = database
        self._backlog = backlog
        self._every_s = every_s
        self._seen: deque[_Seen] = deque(maxlen=_SMOOTHED_OVER + 1)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        self._attempt(self._look)
        while not self._closing.wait(self._every_s - time.time() % self._every_s):
            self._attempt(self._keep)

    def _attempt(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - no row says it all; the next interval has its own
            log.warning("sample_not_kept", reason=type(error).__name__)

    def _look(self) -> _Seen:
        seen = (host.cpu_time(), scrape.answers_by_time())
        self._seen.append(seen)
        return seen

    def _keep(self) -> None:
        at = time.time() // self._every_s * self._every_s
        newest = self._look()
        oldest = self._seen[0]
        backlog = self._backlog.now()
        if backlog is None:
            return
        moment = datetime.fromtimestamp(at, UTC)
        with self._database.write() as session:
            repository.keep(
                session,
                {
                    "at": moment,
                    "host": socket.gethostname()[:255],
                    "web_cpu": host.busy_percent(oldest[0], newest[0]),
                    "answer_p95_s": quantile(0.95, _since(oldest[1], newest[1])),
                    "people": metrics.VISITORS.count(time.time()),
                    "pending": backlog.pending,
                },
                forget_before=moment - timedelta(seconds=KEPT_INTERVALS * self._every_s),
            )


def _since(oldest: Mapping[float, float], newest: Mapping[float, float]) -> dict[float, float]:
    """Of each bucket, also of those that nothing was added to: a straight line begins at the bound below."""
    return {bound: max(0.0, count - oldest.get(bound, 0.0)) for bound, count in newest.items()}


def quantile(share: float, counts: Mapping[float, float]) -> float | None:
    """Of a cumulative histogram, by its upper bounds; a straight line inside a bucket, as PromQL's histogram_quantile
    draws it. Where it lies beyond the last finite bound, that bound. None of nothing."""
    total = counts.get(inf, 0.0)
    if total <= 0:
        return None
    wanted = share * total
    below, lower = 0.0, 0.0
    for upper in sorted(bound for bound in counts if bound < inf):
        if counts[upper] >= wanted:
            return lower + (upper - lower) * (wanted - below) / (counts[upper] - below)
        below, lower = counts[upper], upper
    return lower
