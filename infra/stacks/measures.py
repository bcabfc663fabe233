"""The metrics that hosts and the application send to CloudWatch: names as deployment/cloudwatch makes them."""

from dataclasses import dataclass, field

APPLICATION = "ANB"
HOSTS = "ANB/Hosts"


@dataclass(frozen=True)
class Metric:
    namespace: str
    name: str
    statistic: str
    dimensions: dict[str, str] = field(default_factory=dict)
    period_s: int = 60
    unit: str = ""


def application(name: str, statistic: str, job: str = "anb-web", period_s: int = 60, **labels: str) -> Metric:
    """Of all hosts together: without `instance`, their samples fall into one metric."""
    return Metric(APPLICATION, name, statistic, {"job": job, **labels}, period_s)


PENDING = application("anb_queue_videos", "Maximum", state="pending")
PROCESSING = application("anb_queue_videos", "Maximum", state="processing")
OLDEST = application("anb_queue_oldest_seconds", "Maximum")
DATABASE_UP = application("anb_database_up", "Maximum")
