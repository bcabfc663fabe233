"""What was acknowledged, and what of it is known to be in the second region."""

import time
from collections import deque
from dataclasses import dataclass
from typing import Self

import psycopg

from tests.prove.journal import Journal
from tests.replica.regions import Region


@dataclass(frozen=True)
class Promised:
    """What clients had been told at a moment (monotonic seconds)."""

    moment: float
    uploads: frozenset[str]
    votes: frozenset[tuple[str, str]]
    accounts: frozenset[str]
    deleted: frozenset[str]

    @classmethod
    def now(cls, journal: Journal) -> Self:
        moment = time.monotonic()
        return cls(
            moment,
            frozenset(list(journal.uploads)),
            frozenset(list(journal.votes)),
            frozenset(list(journal.accounts)),
            frozenset(list(journal.deleted)),
        )

    def count(self) -> int:
        return len(self.uploads) + len(self.votes) + len(self.accounts) + len(self.deleted)


class Witness:
    """Says what had surely come across, judging neither by the application nor by the servers' clocks.

    What clients were told before the main region's log was at a place is in the log before that place; when the standby
    has followed to there, it is in the second region.
    """

    def __init__(self, main: Region, second: Region, journal: Journal) -> None:
        self._main = main
        self._second = second
        self._journal = journal
        self._seen: deque[tuple[int, Promised]] = deque()
        self.replicated = Promised.now(Journal())
        self.last_place = 0
        """Of the main region's log, when it was last heard of."""

    def look(self) -> None:
        """Again and again, until the main region dies; afterwards there is nothing to see."""
        told = Promised.now(self._journal)
        try:
            self.last_place = self._main.log_at()
        except psycopg.OperationalError:
            return
        self._seen.append((self.last_place, told))
        followed = self._second.log_at()
        while self._seen and self._seen[0][0] <= followed:
            self.replicated = self._seen.popleft()[1]
