"""What one host carries: the document's hosts by what was measured on ours, each number with where it is from. Pure."""

from dataclasses import dataclass
from math import ceil

REQUESTS_PER_USER_S = 0.2
"""A page or a vote each five seconds: assumed."""

WATCHING = 0.2
"""Part of the users whose player loads a video at a given moment: assumed; the rest read lists and vote."""

BUSY_TO_MEAN = 6
"""The busiest hour against the month's mean: assumed, four busy hours a day. Only costs by use depend on it."""

VIDEO_MBIT_S = 2.5
"""Of the house format; `processing/command.py` caps it at 4 and 0.128 of sound."""
VIDEO_MB = VIDEO_MBIT_S * 30 / 8
ORIGINAL_MB = 60
"""A phone's half minute in 1080p: assumed."""
KEPT_MONTHS = 6
"""How long a contest's files lie there: the document's horizon ("primeros 6 meses")."""

VIDEO_CPU_S = 16 * 1.6
"""vCPU seconds a video: 16 s on a core of an EPYC (bench/results, `worker_cpu_s`); a vCPU of T3 is a hyperthread."""

REQUEST_CPU_S = 0.0015
"""A page in three not kept by nginx, at 4 ms (bench/results: 200 to 230 fresh pages a second on two cores); votes."""

BUSIEST = 0.7
"""Of what a host has: above it queues grow quickly."""


@dataclass(frozen=True)
class Instance:
    vcpus: int
    baseline: float
    """Part of each vCPU that may be used for ever; more is billed by the vCPU hour (T3 unlimited)."""
    network_mbit_s: int
    """Sustained. The "up to 5 Gbit/s" of T3 is a burst of minutes."""


# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-credits-baseline-concepts.html (baseline per vCPU) and
# general-purpose instances, network specifications (baseline bandwidth).
INSTANCES = {
    "t3.small": Instance(2, 0.20, 128),
    "t3.medium": Instance(2, 0.20, 256),
    "t3.large": Instance(2, 0.30, 512),
}

CONNECTIONS = {"db.t3.micro": 81, "db.t3.small": 170, "db.t3.medium": 350, "db.m6g.large": 850}
"""RDS for PostgreSQL: DBInstanceClassMemory / 9531392, of which RDS keeps a part for itself; rounded down."""


def users_by_network(instance: Instance) -> int:
    """How many users one host can send videos to."""
    return int(instance.network_mbit_s * BUSIEST / (WATCHING * VIDEO_MBIT_S))


def users_by_cpu(instance: Instance) -> int:
    return int(instance.vcpus * BUSIEST / (REQUESTS_PER_USER_S * REQUEST_CPU_S))


def videos_per_hour(instance: Instance) -> int:
    """With surplus credits: the whole of its vCPUs, up to the busiest that is sound."""
    return int(instance.vcpus * 3600 * BUSIEST / VIDEO_CPU_S)


def surplus_vcpu_hours(instance: Instance, hosts: int, videos_a_month: float, hours: float) -> float:
    """What processing takes beyond the baseline of all workers."""
    return max(0.0, videos_a_month * VIDEO_CPU_S / 3600 - hosts * instance.vcpus * instance.baseline * hours)


def needed(wanted: float, each: float) -> int:
    return max(1, ceil(wanted / each))
