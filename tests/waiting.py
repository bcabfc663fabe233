"""Waiting for what another thread or process does: asked again and again, and a failure when it does not come."""

import time
from collections.abc import Callable

import httpx2

PATIENCE_S = 60.0
"""Far beyond what any of it takes, so that a slow machine only takes longer."""


def until(done: Callable[[], bool], seconds: float = PATIENCE_S, *, every: float = 0.02) -> None:
    """Asked again also where `done` meets a server that is not up yet, or a connection that is just closed."""
    deadline = time.monotonic() + seconds
    while not _holds(done):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(every)


def _holds(done: Callable[[], bool]) -> bool:
    try:
        return done()
    except httpx2.TransportError:
        return False
