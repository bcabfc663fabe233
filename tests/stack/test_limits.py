"""The limits of four gunicorn processes are one, by Redis, and nobody waits for it while it is away."""

import random
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from deployment.stack.servers import Stack

from tests.stack.test_faults import away
from tests.waiting import until

_ALLOWED = 10
"""Tries at one account from one address (limits/rules.py)."""


@pytest.fixture
def _as_they_are(stack: Stack) -> Iterator[None]:
    """The stack's own are wider, for all the other tests."""
    for settings in ({"ANB_RATE_LIMITS_TIMES": "1"}, {}):
        stack.plan.write_settings(settings)
        stack.control("stopProcess", "web")
        stack.control("startProcess", "web")
        until(stack.is_ready)
        if settings:
            yield


@pytest.mark.usefixtures("_as_they_are")
def test_processes_count_together_and_each_for_itself_while_redis_is_away(stack: Stack) -> None:
    shared = {401: _ALLOWED, 429: _ALLOWED}
    assert _tries(stack) == shared
    with away(stack, "redis"):
        until(lambda: _tries(stack)[401] > _ALLOWED)  # so there are several, and they are asked
    until(lambda: _tries(stack) == shared)


def _tries(stack: Stack) -> Counter[int]:
    """At an account and from an address of their own, all at once: one after the other they would go to one process."""
    wrong = {"email": f"{uuid.uuid4().hex}@example.com", "password": "tres triples"}
    transport = httpx2.HTTPTransport(local_address=f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.1")
    with (
        httpx2.Client(base_url=stack.plan.url, transport=transport, timeout=30, trust_env=False) as http,
        ThreadPoolExecutor(2 * _ALLOWED) as pool,
    ):
        answers = pool.map(lambda _: http.post("/api/auth/login", json=wrong), range(2 * _ALLOWED))
        statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {401, 429}
    return statuses
