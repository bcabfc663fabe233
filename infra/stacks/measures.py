"""The metrics that hosts and the application send to CloudWatch. deployment/cloudwatch is made from these names."""

from dataclasses import dataclass, field

APPLICATION = "ANB"
HOSTS = "ANB/Hosts"
ROLES = ("web", "worker", "fileserver")

LABELS = {
    "anb_queue_videos": ("state",),
    "anb_queue_oldest_seconds": (),
    "anb_active_people": (),
    "anb_database_up": (),
    "anb_database_connections_in_use": (),
    "anb_database_pool_size": (),
    "anb_http_requests_total": ("class",),
    "anb_videos_processed_total": ("outcome",),
    "anb_processing_failures_total": ("code",),
    "anb_worker_heartbeat_timestamp_seconds": (),
}
"""What the agent hands on of /metrics, and by which labels beside `job`. Of a status only its first digit is kept."""

REQUEST_MS = "request_ms"
"""Made from the log's line of each request: CloudWatch takes percentiles of values, and no histograms of Prometheus."""


@dataclass(frozen=True)
class Metric:
    namespace: str
    name: str
    statistic: str
    dimensions: dict[str, str] = field(default_factory=dict)


def application(name: str, statistic: str, job: str = "anb-web", **labels: str) -> Metric:
    """Of all hosts together: without `instance`, their samples fall into one metric."""
    if set(labels) != set(LABELS[name]):
        raise ValueError(f"{name} is told by {LABELS[name]}")
    return Metric(APPLICATION, name, statistic, {"job": job, **labels})


def host(name: str, statistic: str, role: str) -> Metric:
    return Metric(HOSTS, name, statistic, {"Role": role})


PENDING = application("anb_queue_videos", "Maximum", state="pending")
PROCESSING = application("anb_queue_videos", "Maximum", state="processing")
OLDEST = application("anb_queue_oldest_seconds", "Maximum")
DATABASE_UP = application("anb_database_up", "Maximum")
PUBLISHED = application("anb_videos_processed_total", "Sum", "anb-worker", outcome="completed")
