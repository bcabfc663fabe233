"""What Prometheus may ask, in one place. Labels come from fixed sets and never hold an id.

`operations/scrape.py` renders it. Several processes of one server add up in files (`operations/shared_folder.py`).
"""

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine, Pool, event

from anb.visitors import Visitors

REQUESTS = Counter("anb_http_requests_total", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("anb_http_request_seconds", "Time to answer", ["route"])
VISITORS = Visitors()
"""Reported as `anb_active_people`."""

SIGNED_UP = Counter("anb_players_signed_up_total", "Accounts opened")
UPLOADED_BYTES = Counter("anb_uploaded_bytes_total", "Bytes of videos taken")
VOTES = Counter("anb_votes_total", "Votes by what became of them", ["outcome"])
RATE_LIMITED = Counter("anb_rate_limited_total", "Requests refused because there were too many", ["action"])

PROCESSED = Counter("anb_videos_processed_total", "Attempts at videos by what became of them", ["outcome"])
PROCESSING_SECONDS = Histogram(
    "anb_processing_seconds", "Time of one attempt", buckets=(1, 2, 5, 10, 20, 40, 80, 160, 320, 640)
)
MEDIA_SECONDS = Counter("anb_processed_media_seconds_total", "Length of the videos made; over the time: the speed")
FAILURES = Counter("anb_processing_failures_total", "Attempts that failed, by the reason's code", ["code"])
KILLS = Counter("anb_ffmpeg_kills_total", "FFmpegs and probes that did not end by themselves, by why", ["reason"])
WORKER_HEARTBEAT = Gauge(
    "anb_worker_heartbeat_timestamp_seconds",
    "When a process that works last began a video, saw FFmpeg advance or swept",
    multiprocess_mode="max",
)

PUBLIC_READS = Counter("anb_public_reads_total", "Public pages read, by the server that gave them", ["source"])
REPLICA_LAG = Gauge(
    "anb_replica_lag_seconds",
    "Age of the replica: commits older than this are in it; 0 where there is none",
    multiprocess_mode="livemax",
)
CONNECTIONS = Gauge(
    "anb_database_connections_in_use", "Database connections that are lent out", multiprocess_mode="livesum"
)
POOL_SIZE = Gauge("anb_database_pool_size", "Database connections that may be lent out", multiprocess_mode="livesum")

for reason in ("out_of_time", "flooded", "abandoned", "limit", "crash"):
    KILLS.labels(reason)  # told as 0 before there is one, so that the first is seen as a rise

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method_label(method: str) -> str:
    """A client may invent methods without end."""
    return method if method in _METHODS else "other"


def watch_pool(engine: Engine, most_connections: int) -> None:
    """After the fork: what a master process says would be counted for ever."""
    pool: Pool = engine.pool
    POOL_SIZE.set(most_connections)

    def lent(*_: object) -> None:
        CONNECTIONS.set(pool.checkedout())  # type: ignore[attr-defined]  # both of our engines keep a QueuePool

    def coming_back(*_: object) -> None:  # told before it is back
        CONNECTIONS.set(max(0, pool.checkedout() - 1))  # type: ignore[attr-defined]

    event.listen(engine, "checkout", lent)
    event.listen(engine, "checkin", coming_back)
