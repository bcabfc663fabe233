"""Whose address and scheme count: behind a balancer that is named, the client's; otherwise whoever connects.

Loopback addresses stand for hosts: 127.0.0.2 for the balancer, 127.0.0.3 and up for clients that connect themselves.
"""

import os
import signal
import uuid
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest
import redis
from deployment.stack.servers import Stack

from anb.limits.rules import Action, windows
from tests.cast import wish
from tests.stack.asking import raw
from tests.waiting import until

BALANCER = "127.0.0.2"
HSTS = "strict-transport-security"
_MANY = 900  # more than the burst, which is 400 for files, and what a second adds; nginx needs some 0.1 s for them
_TO_COME_IN_TIME = 5


@pytest.fixture(scope="module", autouse=True)
def _balancer(stack: Stack) -> Iterator[None]:
    """As an operator names it: a file beside the site, and a reload."""
    named = stack.plan.run / "conf.d" / "balancer.conf"
    named.write_text(f"set_real_ip_from {BALANCER};\n")
    _reload(stack)
    until(lambda: HSTS in _ask(stack, BALANCER, "203.0.113.1", "https"))
    yield
    named.unlink()
    _reload(stack)
    until(lambda: HSTS not in _ask(stack, BALANCER, "203.0.113.1", "https"))


@pytest.fixture
def file(stack: Stack) -> str:
    name = "0198c0de-0000-7000-8000-000000000004.1.mp4"
    (stack.plan.media / "processed" / name).write_bytes(b"0")
    return f"/media/processed/{name}"


def test_only_a_named_balancer_says_that_there_is_tls(stack: Stack) -> None:
    assert HSTS in _ask(stack, BALANCER, "203.0.113.1", "https")
    assert HSTS in _ask(stack, BALANCER, "203.0.113.1", "https", "/stored/nginxs-own-refusal")
    assert HSTS not in _ask(stack, BALANCER, "203.0.113.1", "http")
    assert HSTS not in _ask(stack, BALANCER, "203.0.113.1", "gopher")
    assert HSTS not in _ask(stack, "127.0.0.3", "203.0.113.1", "https")


def test_the_application_counts_whom_the_balancer_names_and_nobody_else_is_believed(stack: Stack) -> None:
    client, forged = _addresses(2)
    _sign_up(stack, BALANCER, f"{forged}, {client}")  # the balancer has appended its own client
    assert _is_counted(stack, client)
    _sign_up(stack, "127.0.0.3", forged)
    _sign_up(stack, "127.0.0.3", f"{forged}, {BALANCER}")
    assert _is_counted(stack, "127.0.0.3")
    assert not _is_counted(stack, forged)
    assert not _is_counted(stack, BALANCER)


def test_the_log_names_the_client(stack: Stack) -> None:
    (client,) = _addresses(1)
    _ask(stack, BALANCER, client, "https", path := f"/nowhere/{uuid.uuid4().hex}")
    log = stack.plan.logs / "nginx.log"
    until(lambda: f'{path}",' in log.read_text())  # written after the answer
    line = next(line for line in log.read_text().splitlines() if path in line)
    assert f'"address":"{client}"' in line


def test_behind_the_balancer_each_client_has_a_limit_of_its_own(stack: Stack, file: str) -> None:
    many, few = _addresses(2)
    assert _statuses(stack, BALANCER, file, [many] * _MANY)[b"429"] > 0
    assert _statuses(stack, BALANCER, file, [few] * _TO_COME_IN_TIME) == {b"200": _TO_COME_IN_TIME}


def test_a_client_that_names_another_address_each_time_has_one_limit(stack: Stack, file: str) -> None:
    assert _statuses(stack, "127.0.0.4", file, _addresses(_MANY))[b"429"] > 0
    assert _statuses(stack, "127.0.0.5", file, _addresses(_TO_COME_IN_TIME)) == {b"200": _TO_COME_IN_TIME}


def _reload(stack: Stack) -> None:
    os.kill(int((stack.plan.run / "nginx.pid").read_text()), signal.SIGHUP)


def _ask(stack: Stack, peer: str, client: str, scheme: str, path: str = "/health") -> httpx2.Headers:
    with _client(stack, peer) as http:
        return http.get(path, headers={"X-Forwarded-For": client, "X-Forwarded-Proto": scheme}).headers


def _sign_up(stack: Stack, peer: str, forwarded_for: str) -> None:
    account = wish("Ana", email=f"{uuid.uuid4().hex}@example.com")
    with _client(stack, peer) as http:
        answer = http.post("/api/auth/signup", json=account, headers={"X-Forwarded-For": forwarded_for})
    assert answer.status_code == 201


def _client(stack: Stack, peer: str) -> httpx2.Client:
    transport = httpx2.HTTPTransport(local_address=peer)
    return httpx2.Client(base_url=stack.plan.url, transport=transport, timeout=30, trust_env=False)


def _is_counted(stack: Stack, address: str) -> bool:
    """Each attempt to sign up is, by its address, in the Redis of all processes."""
    with redis.Redis(port=stack.plan.ports.redis) as counts:
        return all(counts.exists(window.key) for window in windows(Action.SIGN_UP, {"address": address}))


def _addresses(number: int) -> list[str]:
    """Of 198.18.0.0/15, which is nobody's (RFC 2544); never the same ones again."""
    return [f"198.{18 + (part & 1)}.{part >> 1 & 255}.{part >> 9 & 255}" for part in _random_parts(number)]


def _random_parts(number: int) -> list[int]:
    return [uuid.uuid4().int & 0x1FFFF for _ in range(number)]


def _statuses(stack: Stack, peer: str, path: str, clients: list[str]) -> Counter[bytes]:
    """All in one go over one connection, so that nginx alone sets the pace."""
    asked = [f"GET {path} HTTP/1.1\r\nHost: anb\r\nX-Forwarded-For: {client}\r\n" for client in clients]
    answers = raw(stack, "\r\n".join(asked) + "Connection: close\r\n\r\n", peer)
    return Counter(answer.split()[0] for answer in answers.split(b"HTTP/1.1 ")[1:])
