"""What a sized phase costs a month, by the dated table of prices beside this file."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from anb.planning import capacity
from anb.planning.capacity import INSTANCES
from anb.planning.phases import MAIN_REGION, SECOND_REGION, SECOND_REGION_NODES, Phase

_FREE_OUT_GB, _FREE_CDN_GB = 100, 1000
_METRICS_A_HOST = 7 + 3
"""Detailed monitoring of EC2 (each minute); the agent's memory, used and free, and disk."""

_METRICS_OF_ALL = 25
"""The agent's by role and by group, and the application's, less the ten that are free."""


@dataclass(frozen=True)
class Size:
    """A phase in numbers of hosts and types."""

    web: int
    workers: int
    file_server: str
    """Empty: S3."""


@dataclass(frozen=True)
class Parts:
    """What a phase has of the small things, in all its regions; a test holds it against the templates."""

    secrets: int
    alarms: int
    composite_alarms: int
    """One for each phase ahead."""


PARTS = (
    Parts(secrets=3, alarms=20, composite_alarms=3),
    Parts(secrets=3, alarms=16, composite_alarms=2),
    Parts(secrets=3, alarms=13, composite_alarms=1),
    Parts(secrets=7, alarms=4, composite_alarms=0),
)


@dataclass(frozen=True)
class Line:
    what: str
    usd: float
    by_use: bool = False
    """Grows with what people watch and upload. The document's estimates leave this out."""


@cache
def prices() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("prices.toml").read_text())


def lines(phase: Phase, size: Size, users: int, videos_per_hour: int) -> tuple[Line, ...]:
    """US dollars a month."""
    table = prices()
    hours: float = table["hours_a_month"]
    main = table[MAIN_REGION]
    hosts = size.web + size.workers + bool(size.file_server)
    videos_a_month = videos_per_hour / capacity.BUSY_TO_MEAN * hours
    parts = PARTS[phase.number]
    found = [
        *_hosts(phase, size, main, hours),
        Line("database", phase.database_copies * (main["database"][phase.database] * hours
             + phase.database_gib * main["database_disk"])),
        Line("asked from outside", main["health_check"]),
        Line("secrets, alarms, logs", parts.secrets * main["secret"] + parts.alarms * main["alarm"]
             + parts.composite_alarms * main["composite_alarm"] + hosts * main["logs_gb"]),
    ]  # fmt: skip
    if not phase.second_region:  # there EKS: nodes have basic monitoring, and Prometheus watches the pods
        found.append(Line("metrics", (hosts * _METRICS_A_HOST + _METRICS_OF_ALL) * main["metric"]))
    found.append(Line("public addresses", _addresses(phase, hosts) * main["public_address"] * hours))
    if phase.cache:
        found.append(Line("Redis", phase.cache_nodes * main["cache"][phase.cache] * hours))
    if phase.balancer:
        found.append(Line("load balancer", (main["balancer"] + main["balancer_unit"]) * hours))
    if phase.private:
        requests = users / capacity.BUSY_TO_MEAN * capacity.REQUESTS_PER_USER_S * 3600 * hours
        found.append(Line("NAT, a gateway in each of two zones", 2 * main["nat"] * hours))
        found.append(Line("firewall", main["firewall"]))
        found.append(Line("requests seen by the firewall", requests * main["firewall_request"], by_use=True))
    if phase.second_region:
        found.extend(_second_region(phase, table, hours))
    surplus = capacity.surplus_vcpu_hours(INSTANCES[phase.instance], size.workers, videos_a_month, hours)
    found.append(Line("processing beyond the workers' baseline", surplus * main["surplus_vcpu"], by_use=True))
    found.extend(_media(phase, table, users, videos_a_month, hours))
    return tuple(line for line in found if line.usd >= 0.005)


def _addresses(phase: Phase, hosts: int) -> int:
    """Of one region: the load balancer has one in each of two zones, and so have the NAT gateways of private hosts."""
    return 2 * phase.balancer + (2 if phase.private else hosts)


def _hosts(phase: Phase, size: Size, main: dict[str, Any], hours: float) -> tuple[Line, ...]:
    each = main["instance"][phase.instance] * hours + phase.disk_gib * main["disk"]
    found = [Line(f"{size.web} web, {phase.instance}", size.web * each),
             Line(f"{size.workers} worker, {phase.instance}", size.workers * each)]  # fmt: skip
    if size.file_server:
        disk = phase.media_gib * main["disk"]
        found.append(Line(f"file server, {size.file_server}", main["instance"][size.file_server] * hours + disk))
    return tuple(found)


def _second_region(phase: Phase, table: dict[str, Any], hours: float) -> tuple[Line, ...]:
    there, main = table[SECOND_REGION], table[MAIN_REGION]
    nodes = SECOND_REGION_NODES[0]
    each = there["instance"][phase.instance] * hours + phase.disk_gib * there["disk"]
    return (
        Line("EKS in two regions", (main["cluster"] + there["cluster"]) * hours),
        Line("nodes in the second region", nodes * each),
        Line("read replica", there["database"][phase.database] * hours + phase.database_gib * there["database_disk"]),
        Line("Redis in the second region", phase.cache_nodes * there["cache"][phase.cache] * hours),
        Line("load balancer and NAT in the second region", (there["balancer"] + 2 * there["nat"]) * hours),
        Line("public addresses in the second region", _addresses(phase, nodes) * main["public_address"] * hours),
        Line("firewall in the second region", main["firewall"]),
        Line("DNS by geography", main["zone"]),
    )


def _media(phase: Phase, table: dict[str, Any], users: int, videos_a_month: float, hours: float) -> tuple[Line, ...]:
    """To viewers: from the hosts, or from CloudFront. Kept: on the file server's disk, or in S3."""
    main = table[MAIN_REGION]
    watched_gb = users / capacity.BUSY_TO_MEAN * capacity.WATCHING * capacity.VIDEO_MBIT_S / 8 / 1000 * 3600 * hours
    made_gb = videos_a_month * (capacity.ORIGINAL_MB + capacity.VIDEO_MB) / 1000
    kept_gb = made_gb * capacity.KEPT_MONTHS
    if not phase.private:
        beyond = max(0.0, kept_gb - phase.media_gib)
        found = [Line(f"videos to viewers, {watched_gb:,.0f} GB", max(0.0, watched_gb - _FREE_OUT_GB)
                      * main["data_out_gb"], by_use=True),
                 Line(f"files of {capacity.KEPT_MONTHS} months beyond the disk, {beyond:,.0f} GB",
                      beyond * main["disk"], by_use=True)]  # fmt: skip
    else:
        found = [Line(f"videos to viewers by CloudFront, {watched_gb:,.0f} GB",
                      max(0.0, watched_gb - _FREE_CDN_GB) * main["cdn_gb"], by_use=True),
                 Line(f"files of {capacity.KEPT_MONTHS} months in S3, {kept_gb:,.0f} GB",
                      kept_gb * main["storage_gb"], by_use=True),
                 _gathered(videos_a_month * capacity.ORIGINAL_MB / 1000, main)]  # fmt: skip
    if phase.second_region:
        copied = kept_gb * table[SECOND_REGION]["storage_gb"] + made_gb * main["replication_gb"]
        found.append(Line("their copies in the second region", copied, by_use=True))
    return tuple(found)


def _gathered(sent_gb: float, main: dict[str, Any]) -> Line:
    """Of resumable uploads, as if all were. Each is written to EFS once and read back once: of the two readings at its
    end, for its digest and to S3, the second is from the host's memory. How long they lie there is cents."""
    each_gb = main["shared_write_gb"] + main["shared_read_gb"]
    return Line(f"uploads gathered on EFS, {sent_gb:,.0f} GB", sent_gb * each_gb, by_use=True)
