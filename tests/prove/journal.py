"""What clients were told. Only this is a promise; what was not answered may or may not have happened."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass
class Journal:
    sent: set[str] = field(default_factory=set)
    """SHA-256 of each file that was ever sent, acknowledged or not. No two wishes send the same bytes."""
    uploads: dict[str, str] = field(default_factory=dict)
    """Video id to the SHA-256 of its original."""
    ways: Counter[str] = field(default_factory=Counter)
    deleted: set[str] = field(default_factory=set)
    perhaps_deleted: set[str] = field(default_factory=set)
    votes: set[tuple[str, str]] = field(default_factory=set)
    """Player id, video id."""
    perhaps_votes: set[tuple[str, str]] = field(default_factory=set)
    """Asked for, and never answered. One that was refused is in neither."""
    accounts: dict[str, str] = field(default_factory=dict)
    """E-mail to player id."""
    surprises: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    """When, what was asked for, and what came instead of an answer."""
    slowest_s: float = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, answer: str, after_s: float) -> None:
        with self._lock:
            self.answers[answer] += 1
            self.slowest_s = max(self.slowest_s, after_s)

    def fail(self, asked: str, came: str) -> None:
        with self._lock:
            self.failures.append(f"{datetime.now(UTC):%H:%M:%S.%f} {asked}: {came}")

    def surprise(self, what: str) -> None:
        """Something that no client should ever see."""
        with self._lock:
            self.surprises.append(what)
