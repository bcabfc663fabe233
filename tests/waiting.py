"""Waiting for what another thread or process does: asked again and again, and a failure when it does not come."""

import time
from collections.abc import Callable

import httpx2
from sqlalchemy import text

from anb.db import Database

PATIENCE_S = 60.0
"""Far beyond what any of it takes, so that a slow machine only takes longer."""


def until(done: Callable[[], bool], seconds: float = PATIENCE_S, *, every: float = 0.02) -> None:
    """Asked again also where `done` meets a server that is not up yet, or a connection that is just closed."""
    deadline = time.monotonic() + seconds
    while not _holds(done):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(every)


def somebody_waits(database: Database) -> bool:
    """For another transaction's lock, on PostgreSQL."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with database.read() as session:
        return bool(session.scalar(text(waiting)))


def _holds(done: Callable[[], bool]) -> bool:
    try:
        return done()
    except httpx2.TransportError:
        return False
