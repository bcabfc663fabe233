"""Prometheus text: what all processes of this server counted, and what is looked up when it is asked for."""

import os
import re
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from anb import metrics
from anb.operations.backlog import KeptBacklog
from anb.operations.shared_folder import is_alive
from anb.operations.triggers import WAITS_FOR_THE_CLIENT
from anb.settings import SettingsError

_NOT_OURS = re.compile(WAITS_FOR_THE_CLIENT)
_LIVE_FILE = re.compile(r"gauge_live[a-z]+_(\d+)\.db")


def render(backlog: KeptBacklog) -> bytes:
    looked_up = CollectorRegistry()
    looked_up.register(_LookedUp(backlog))
    return generate_latest(_counted()) + generate_latest(looked_up)


def answers_by_time() -> dict[float, float]:
    """How many answers were given within so many seconds, since the start, of all processes of this server; without
    those whose time is that of a client's link."""
    counts: dict[float, float] = defaultdict(float)
    for family in _counted().collect():
        if family.name == "anb_http_request_seconds":
            for sample in family.samples:
                if sample.name.endswith("_bucket") and not _NOT_OURS.fullmatch(sample.labels["route"]):
                    counts[float(sample.labels["le"])] += sample.value
    return dict(counts)


def _counted() -> Collector:
    """Of this process alone, unless `shared_folder.share` came before prometheus_client."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return _Shared(Path(folder)) if folder else REGISTRY


class _Shared(Collector):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """What a dead process counted stays counted; what it held it holds no more."""
        for file in self._folder.glob("gauge_live*.db"):
            named = _LIVE_FILE.fullmatch(file.name)
            if named and not is_alive(int(named[1])):
                with suppress(FileNotFoundError):  # another scrape was quicker
                    multiprocess.mark_process_dead(named[1], str(self._folder))  # type: ignore[no-untyped-call]
        return self._added_up(tries_left=50)

    def _added_up(self, tries_left: int) -> list[Metric]:
        collector = multiprocess.MultiProcessCollector(None, str(self._folder))  # type: ignore[no-untyped-call]
        try:
            return list(collector.collect())  # type: ignore[no-untyped-call]
        except struct.error:  # a process that is just born has opened its file, and is about to give it a length
            if not tries_left:
                raise
            time.sleep(0.01)
            return self._added_up(tries_left - 1)


class _LookedUp(Collector):
    def __init__(self, backlog: KeptBacklog) -> None:
        self._backlog = backlog

    def collect(self) -> Iterator[Metric]:
        people = metrics.VISITORS.count(time.time())
        yield GaugeMetricFamily("anb_active_people", "People who came in the last whole minute", people)
        backlog = self._backlog.now()
        yield GaugeMetricFamily("anb_database_up", "Whether the database answers", backlog is not None)
        if backlog is None:
            return
        videos = GaugeMetricFamily("anb_queue_videos", "Videos that wait or are being processed", labels=["state"])
        videos.add_metric(["pending"], backlog.pending)
        videos.add_metric(["processing"], backlog.processing)
        yield videos
        yield GaugeMetricFamily("anb_queue_oldest_seconds", "How long the oldest has been waiting", backlog.oldest_s)


@contextmanager
def served(host: str, port: int, setting: str) -> Iterator[Callable[..., None]]:
    """Of a worker, which has no other HTTP: its children count, this parent tells; or of a beat. 0 is no port.

    Gives what each child must call: one that outlives its killed parent would keep the port from the next one.
    """
    if not port:
        yield lambda **_: None
        return
    registry = CollectorRegistry()
    registry.register(_counted())
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise SettingsError(f"{setting}: {host}:{port} is refused ({error.strerror})") from None

    try:
        yield lambda **_: server.socket.close()
    finally:
        server.shutdown()
        server.server_close()
