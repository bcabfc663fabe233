"""Which stored objects belong to no video. Pure: what is removed by mistake comes back from a backup only."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from anb.storage.base import StoredObject, is_original

_OF_OUR_OWN = 10


@dataclass(frozen=True)
class Possession:
    """What of a video's bytes belongs to it."""

    kept_keys: frozenset[str]
    running_attempt: int | None


class Verdict(Enum):
    KEPT = "kept"
    LEFT_OVER = "left over"
    """By an attempt that died, or that another one was quicker than."""
    WITHOUT_ROW = "without row"
    FOREIGN = "foreign"
    """Older than the database, and so of another one."""


def judge(stored: StoredObject, owner: Possession | None, *, before: datetime, begun_at: datetime | None) -> Verdict:
    """`before`: what was written since may get its row still. `begun_at`: the database's first account, if any."""
    original = is_original(stored.key)
    if owner:
        attempt = stored.key.split(".")[1]
        wanted = original or stored.key in owner.kept_keys or attempt == str(owner.running_attempt)
        return Verdict.KEPT if wanted else Verdict.LEFT_OVER
    if begun_at is None or stored.modified < begun_at:
        return Verdict.FOREIGN
    return Verdict.KEPT if original and stored.modified >= before else Verdict.WITHOUT_ROW


def are_ours(without_row: int, with_row: int) -> bool:
    """A death between bytes and row leaves one object without a row. Where most have none, and not just a few, that is
    no accident: a database that is younger than its media, or the address of another one."""
    return without_row <= max(_OF_OUR_OWN, with_row)
