"""What each phase is made of on AWS: `anb.planning.phases` has sizes and counts, which `anb plan` prices; here stands
what only the infrastructure needs beside them. Plain data, nothing of the CDK.

`PYTHONPATH=src python -m infra.profiles` shows the phases side by side.
"""

from dataclasses import dataclass
from datetime import date

from anb.planning.choose import Load, Option, sized
from anb.planning.phases import MAIN_REGION, PHASES, SECOND_REGION, Phase


@dataclass(frozen=True)
class Host:
    """A machine with an address of its own, which the others are told."""

    name: str
    address: str


@dataclass(frozen=True)
class Profile:
    phase: Phase
    web_hosts: tuple[Host, ...] = ()
    """Empty: a group that scales, or Kubernetes."""
    worker_hosts: tuple[Host, ...] = ()
    file_server: Host | None = None
    engine: str = "16.13"
    """The document's 16.4 is no longer offered."""
    backup_days: int = 0
    bucket: bool = False
    """From phase 1, so that the media can move there before phase 2 takes the file server away."""
    log_days: int = 30
    nat_gateways: int = 0
    kubernetes: str = ""
    """Version of EKS; empty: none."""

    @property
    def number(self) -> int:
        return self.phase.number

    @property
    def hosts(self) -> tuple[Host, ...]:
        return (*self.web_hosts, *self.worker_hosts, *((self.file_server,) if self.file_server else ()))

    def instance_of(self, host: Host) -> str:
        """A file server is as large as `anb plan` makes it for what the document says that the phase carries."""
        return self.claimed.size.file_server if host == self.file_server else self.phase.instance

    @property
    def claimed(self) -> Option:
        """What `anb plan` makes of the load that the document says that the phase carries."""
        return sized(self.phase, Load(self.phase.claim.users, self.phase.claim.videos_per_hour))

    @property
    def staging(self) -> bool:
        """Whether resumable uploads need a file system of their own: without a file server there is none to share."""
        return self.file_server is None

    @property
    def nodes(self) -> tuple[int, int]:
        """Fewest and most machines of Kubernetes in the main region."""
        return self.phase.web[0] + self.phase.workers[0], self.phase.web[1] + self.phase.workers[1]

    @property
    def regions(self) -> tuple[str, ...]:
        return (MAIN_REGION, SECOND_REGION) if self.phase.second_region else (MAIN_REGION,)


SUPPORTED_UNTIL = {"1.34": date(2026, 12, 2), "1.35": date(2027, 3, 27)}
"""End of EKS' standard support, from AWS' calendar of Kubernetes versions. Afterwards a cluster costs six times as much
in extended support, or, with `kubernetes.py`'s policy, is upgraded by AWS. A cluster rises by one version at a time."""

SUPPORT_READ_ON = date(2026, 11, 27)
"""When that calendar was last read."""

_WEB = (Host("WebServer", "10.0.1.10"), Host("WebServer2", "10.0.2.10"))
_WORKERS = (Host("Worker", "10.0.1.20"), Host("Worker2", "10.0.2.20"), Host("Worker3", "10.0.1.21"))
_FILE_SERVER = Host("FileServer", "10.0.1.30")

PROFILES = (
    Profile(PHASES[0], _WEB[:1], _WORKERS[:1], _FILE_SERVER),
    Profile(PHASES[1], _WEB, _WORKERS, _FILE_SERVER, backup_days=7, bucket=True),
    Profile(PHASES[2], backup_days=14, bucket=True, log_days=90, nat_gateways=2),
    Profile(PHASES[3], backup_days=35, bucket=True, log_days=90, nat_gateways=2, kubernetes="1.35"),
)


def side_by_side() -> str:
    """The phases as a Markdown table; what differs from the phase before is bold."""
    columns = [_column(one) for one in PROFILES]
    lines = ["| | " + " | ".join(f"phase {one.number}" for one in PROFILES) + " |", "|---" * (len(PROFILES) + 1) + "|"]
    for row in columns[0]:
        cells = [column[row] for column in columns]
        before = cells[:1] + cells[:-1]
        shown = (now if now == then else f"**{now}**" for now, then in zip(cells, before, strict=True))
        lines.append(f"| {row} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"


def _column(one: Profile) -> dict[str, str]:
    phase = one.phase
    servers = f" x {phase.instance}, {phase.disk_gib} GiB"
    group = "pods on EKS" if one.kubernetes else "{}-{}" + servers
    return {
        "regions": ", ".join(one.regions),
        "web": f"{len(one.web_hosts)}{servers}" if one.web_hosts else group.format(*phase.web),
        "worker": f"{len(one.worker_hosts)}{servers}" if one.worker_hosts else group.format(*phase.workers),
        "file server": f"{one.instance_of(one.file_server)}, {phase.media_gib} GiB" if one.file_server else "no",
        "resumable uploads grow on": "EFS" if one.staging else "the file server",
        "EKS nodes": f"{one.nodes[0]}-{one.nodes[1]} x {phase.instance}, {one.kubernetes}" if one.kubernetes else "no",
        "PostgreSQL": f"{phase.database}, {phase.database_gib} GiB, {one.engine}",
        "Multi-AZ": "yes" if phase.database_copies > 1 else "no",
        "replica abroad": "yes" if phase.second_region else "no",
        "backups": f"{one.backup_days} days" if one.backup_days else "no",
        "Redis": f"{phase.cache_nodes} x {phase.cache}" if phase.cache else "on the web server",
        "load balancer": "yes" if phase.balancer else "no",
        "bucket": "yes" if one.bucket else "no",
        "CloudFront, TLS, WAF, names": "yes" if phase.private else "no",
        "hosts in": "private subnets" if phase.private else "public subnets",
        "NAT gateways": str(one.nat_gateways),
        "logs": f"{one.log_days} days",
    }


if __name__ == "__main__":
    print(side_by_side(), end="")  # noqa: T201  # what it is for
