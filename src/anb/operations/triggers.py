"""When to grow, and when to get up at night: one table, from which Prometheus' rules, CloudWatch's alarms (`infra/`)
and `anb advise` are made. Pure.

The phases and their numbers are those of the architecture document ("Métricas para Decidir Escalar"). What no metric
can tell (a contract, money) stands here too, without an expression, so that the list is whole.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

OF_THE_CLIENT = ("/media/*", "/api/videos/upload", "/api/uploads*")
"""Routes whose time is that of somebody's link, not ours."""

WAITS_FOR_THE_CLIENT = "|".join((*(route.replace("*", ".*") for route in OF_THE_CLIENT), "unknown"))

MACHINE_S_FAULTS = ("disk_full", "engine_missing", "source_missing", "internal")
"""Codes of failures that no other video would change."""


class Measure(Enum):
    """What a trigger for growing looks at, in the unit of its limit."""

    WEB_CPU = "% of a web server's CPU"
    QUEUE = "videos that wait"
    PEOPLE = "people at once"
    ANSWER_P95 = "s within which 95 of 100 answers are given"
    DOWN_MINUTES = "minutes without service in 30 days"
    VIDEOS_A_DAY = "videos in 24 hours"
    VIDEOS_A_MONTH = "videos in 30 days"


_BUSY_CPU = '100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle", role="web"}[5m])))'
_P95 = (
    "histogram_quantile(0.95, sum by (le) (rate("
    f'anb_http_request_seconds_bucket{{route!~"{WAITS_FOR_THE_CLIENT}"}}[5m])))'
)
_PUBLISHED = 'anb_videos_processed_total{outcome="completed"}'

WEB_UP = "anb:web_up"
"""Recorded once a minute: 1 while any web server answers."""

_PROMQL = {
    Measure.WEB_CPU: _BUSY_CPU,
    Measure.QUEUE: 'max(anb_queue_videos{state="pending"})',
    Measure.PEOPLE: "sum(anb_active_people)",
    Measure.ANSWER_P95: _P95,
    Measure.DOWN_MINUTES: f"count_over_time({WEB_UP}[30d]) - sum_over_time({WEB_UP}[30d])",
    Measure.VIDEOS_A_DAY: f"sum(increase({_PUBLISHED}[1d]))",
    Measure.VIDEOS_A_MONTH: f"sum(increase({_PUBLISHED}[30d]))",
}


@dataclass(frozen=True)
class Limit:
    """For those who cannot read PromQL: `anb advise` and CloudWatch."""

    measure: Measure
    above: float


@dataclass(frozen=True)
class Watch:
    """What somebody should look at, which has nothing to do with growing."""

    promql: str
    comparison: Literal[">", "<", "=="]
    number: float
    also: str = ""
    """A second condition, in PromQL."""

    @property
    def expression(self) -> str:
        return f"{self.promql} {self.comparison} {self.number:g}" + (f" and {self.also}" if self.also else "")


@dataclass(frozen=True)
class Trigger:
    name: str
    phase: int
    """0: nothing to do with growing; somebody should look."""
    says: str
    when: Limit | Watch | None
    """None where people decide."""
    lasting: str
    hint: str
    page: str = "next-phase"
    """Of docs/howto: what to do, step by step."""

    @property
    def expression(self) -> str:
        """PromQL, empty where people decide."""
        if isinstance(self.when, Limit):
            return f"{_PROMQL[self.when.measure]} > {self.when.above:g}"
        return self.when.expression if self.when else ""

    @property
    def text(self) -> str:
        return f"phase {self.phase} is due: {self.says}" if self.phase else self.says

    @property
    def advice(self) -> str:
        return f"{self.hint} Runbook: docs/howto/{self.page}.md"

    @property
    def lasting_minutes(self) -> int:
        return int(self.lasting[:-1]) * {"m": 1, "h": 60}[self.lasting[-1]]


TRIGGERS = (
    Trigger(
        "WebServerBusy", 1, "the web server's CPU has been above 70 % for an hour",
        Limit(Measure.WEB_CPU, 70), "1h",
        "Add web servers behind a load balancer. Is it FFmpeg of a worker on the same host? Then move that.",
    ),
    Trigger(
        "QueueLong", 1, "more than 20 videos have been waiting for 30 minutes",
        Limit(Measure.QUEUE, 20), "30m",
        "Add 2 or 3 workers. Before: is a worker alive (/ready, part worker) and its speed what it was?",
        "queue-grows",
    ),
    Trigger(
        "ManyPeople", 1, "more than 80 people at once, for 30 minutes",
        Limit(Measure.PEOPLE, 80), "30m",
        "Add web servers behind a load balancer, Redis on a host of its own.",
    ),
    Trigger(
        "SlowAnswers", 1, "one answer in twenty takes more than 500 ms",
        Limit(Measure.ANSWER_P95, 0.5), "10m",
        "Look which route it is (dashboard); a database that waits for its disk looks the same as too few web servers.",
    ),
    Trigger(
        "DownTooLong", 2, "an hour without service within 30 days",
        Limit(Measure.DOWN_MINUTES, 60), "1m",
        "RDS Multi-AZ, auto scaling groups in two zones. Needs 30 days of retention.",
    ),
    Trigger(
        "VeryManyPeople", 2, "more than 250 people at once, for 30 minutes",
        Limit(Measure.PEOPLE, 250), "30m",
        "Auto scaling groups; processed videos from S3 and CloudFront.",
    ),
    Trigger("ServiceLevel", 2, "a contract asks for 99 % or more", None, "", "Decided by people."),
    Trigger(
        "ManyVideosADay", 2, "more than 500 videos a day",
        Limit(Measure.VIDEOS_A_DAY, 500), "1m",
        "Auto scaling of workers by queue depth; processed videos from S3 and CloudFront.",
    ),
    Trigger("FarAway", 3, "people in several countries wait too long", None, "", "Measured at the people, not here."),
    Trigger("RegionMayFail", 3, "recovery from the loss of a region is asked for", None, "", "Decided by people."),
    Trigger(
        "ManyVideosAMonth", 3, "more than 10 000 videos in 30 days",
        Limit(Measure.VIDEOS_A_MONTH, 10000), "1m",
        "A second region, S3 cross-region replication, EKS. Needs 30 days of retention.",
    ),
    Trigger("WorthIt", 3, "the revenue justifies the investment", None, "", "Decided by people."),
    Trigger(
        "ServerAway", 0, "a web server or a worker does not answer",
        Watch('up{job=~"anb-web|anb-worker"}', "==", 0), "2m",
        "systemctl status fastapi (or celery); its last log lines.",
        "host-lost",
    ),
    Trigger(
        "DatabaseAway", 0, "the database does not answer", Watch("max(anb_database_up)", "==", 0), "2m",
        "Uploads and votes are answered 503; nothing acknowledged is lost. If it is gone: restore.",
        "database-trouble",
    ),
    Trigger(
        "NobodyProcesses", 0, "videos wait and none is being processed",
        Watch("max(anb_queue_oldest_seconds)", ">", 300, 'max(anb_queue_videos{state="processing"}) == 0'), "5m",
        "Start a worker; `anb doctor` on its host. Uploads wait and are not lost.",
        "queue-grows",
    ),
    Trigger(
        "WorkerSilent", 0, "for ten minutes no worker has begun anything and nobody has swept",
        Watch('time() - max(anb_worker_heartbeat_timestamp_seconds{job="anb-worker"})', ">", 600), "5m",
        "Is a beat running, are database and storage there for it? Restart it; its log says `sweep_failed`.",
        "queue-grows",
    ),
    Trigger(
        "MachineFailsVideos", 0, "videos fail for reasons that are the machine's",
        Watch(f'sum by (code) (increase(anb_processing_failures_total{{code=~"{"|".join(MACHINE_S_FAULTS)}"}}[15m]))',
              ">", 0), "1m",
        "`anb doctor` on the worker; then `anb retry` what failed for good.",
        "video-stuck",
    ),
    Trigger(
        "ServerErrors", 0, "more than one answer in a hundred is a server error",
        Watch('sum(rate(anb_http_requests_total{status=~"5.."}[5m])) / sum(rate(anb_http_requests_total[5m]))',
              ">", 0.01), "5m",
        "507: the disk is full. 503: database or storage are away. 500: our fault, grep the log for request_failed.",
        "database-trouble",
    ),
    Trigger(
        "PoolExhausted", 0, "nearly all database connections are lent out",
        Watch("sum by (job) (anb_database_connections_in_use) / sum by (job) (anb_database_pool_size)",
              ">", 0.9), "5m",
        "A slow or locked database, more often than too small a pool (ANB_DATABASE_POOL).",
        "database-trouble",
    ),
    Trigger(
        "DiskFilling", 0, "less than a tenth of a disk is free",
        Watch('node_filesystem_avail_bytes{fstype!~"tmpfs|overlay|squashfs"}'
              ' / node_filesystem_size_bytes{fstype!~"tmpfs|overlay|squashfs"}', "<", 0.1), "10m",
        "Uploads are refused (507) before it is full. Enlarge it, or move media to S3: `anb storage move`.",
        "disk-fills",
    ),
    Trigger(
        "MemoryShort", 0, "less than a tenth of the memory is free",
        Watch("node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "<", 0.1), "15m",
        "Fewer videos at once (ANB_WORKER_CONCURRENCY), or a larger host: FFmpeg is killed first.",
        "video-stuck",
    ),
)  # fmt: skip
