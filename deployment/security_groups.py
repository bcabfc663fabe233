"""Who may reach what: the document's table of security groups, which every firewall here is made from.

All else is closed. Every host may call out, and hears the answers.
"""

from dataclasses import dataclass
from typing import Literal

Group = Literal["web", "worker", "fileserver", "rds"]
Source = Literal["anyone", "administrator", "web", "worker"]


@dataclass(frozen=True)
class Opening:
    """A TCP port of every host of a group, and who may call it."""

    group: Group
    port: int
    sources: tuple[Source, ...]
    purpose: str


TABLE = (
    Opening("web", 8080, ("anyone",), "the public API"),
    Opening("web", 22, ("administrator",), "administration"),
    Opening("web", 6379, ("worker",), "the queue"),
    Opening("worker", 22, ("administrator",), "administration"),
    Opening("fileserver", 2049, ("web", "worker"), "NFS"),
    Opening("fileserver", 22, ("administrator",), "administration"),
    Opening("rds", 5432, ("web", "worker"), "the database"),
)


def is_open(group: Group, port: int, source: str) -> bool:
    """`source` is a group or "administrator", or anybody else."""
    return any(
        row.group == group and row.port == port and ("anyone" in row.sources or source in row.sources) for row in TABLE
    )
