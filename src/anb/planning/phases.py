"""The document's four phases: what each is made of, how far it may grow, what the document says that it carries. Pure.

`anb plan` sizes it, `anb advise` names the next one, `infra/` builds it.
"""

from dataclasses import dataclass

MAIN_REGION = "us-east-1"
SECOND_REGION = "sa-east-1"

SECOND_REGION_NODES = (3, 12)
"""Fewest and most. It serves reads and waits for its hour; it grows when it is promoted."""


@dataclass(frozen=True)
class Claim:
    """A row of the document's table ("Tabla Comparativa de Fases"): the upper end of each span that it gives."""

    users: int
    videos_per_hour: int
    availability: float
    """Per cent."""
    monthly_usd: int


@dataclass(frozen=True)
class Phase:
    number: int
    name: str
    web: tuple[int, int]
    """Fewest and most web servers."""
    workers: tuple[int, int]
    instance: str
    file_server: tuple[str, ...]
    """Instance types to choose from, smallest first; empty where media lie in S3 behind CloudFront."""
    database: str
    """RDS class: the smallest that lends what the most hosts ask for, since groups grow with nobody looking."""
    database_copies: int
    """2: Multi-AZ."""
    cache: str
    """ElastiCache node type; empty: Redis runs on the web server."""
    cache_nodes: int
    balancer: bool
    private: bool
    """Hosts without public addresses, behind a NAT gateway in each zone; media in S3, CloudFront and WAF before all."""
    second_region: bool
    claim: Claim
    disk_gib: int = 50
    """Of each host. Another number replaces hosts, and those with an address of their own cannot be replaced."""
    media_gib: int = 50
    """Of the file server's volume, which outlives it. It may grow, in place."""
    database_gib: int = 20


_FILE_SERVERS = ("t3.small", "t3.medium", "t3.large")

PHASES = (
    Phase(
        number=0, name="three hosts", web=(1, 1), workers=(1, 1), instance="t3.small", file_server=("t3.small",),
        database="db.t3.micro", database_copies=1, cache="", cache_nodes=0, balancer=False, private=False,
        second_region=False, claim=Claim(100, 20, 95.0, 60),
    ),
    Phase(
        number=1, name="load balancer", web=(2, 3), workers=(3, 4), instance="t3.small", file_server=_FILE_SERVERS,
        database="db.t3.small", database_copies=1, cache="cache.t3.micro", cache_nodes=1, balancer=True, private=False,
        second_region=False, claim=Claim(300, 100, 98.0, 160),
    ),
    Phase(
        number=2, name="high availability", web=(2, 6), workers=(2, 10), instance="t3.small", file_server=(),
        database="db.t3.medium", database_copies=2, cache="cache.t3.micro", cache_nodes=2, balancer=True, private=True,
        second_region=False, claim=Claim(1000, 500, 99.5, 360),
    ),
    Phase(
        number=3, name="two regions", web=(2, 24), workers=(2, 24), instance="t3.medium", file_server=(),
        database="db.m6g.large", database_copies=2, cache="cache.t3.micro", cache_nodes=2, balancer=True, private=True,
        second_region=True, claim=Claim(5000, 1000, 99.9, 860),
    ),
)  # fmt: skip
