"""Each broker by its URL: what it is told, that a ring arrives, and that a broker that is away keeps nobody waiting.

All are real servers, started here, but RabbitMQ: that one is the machine's, in a virtual host of this run.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery

from anb.jobs.app import _LEFT_ALONE_S, Bell, make_celery
from anb.jobs.brokers import HELD_S, broker
from anb.settings import SettingsError, load_settings
from tests.jobs.rabbitmq import virtual_host
from tests.server import free_port
from tests.waiting import until

SECRET = "a secret that only tests know, long enough"
PASSWORD = "p4ss/with:odd@signs"
QUOTED = "p4ss%2Fwith%3Aodd%40signs"

pytestmark = pytest.mark.timeout(90)  # a ring that waits for ever must not pass for a slow one


def test_each_scheme_is_told_what_it_needs() -> None:
    assert broker("memory://").options == {"polling_interval": 0.1}
    for url in ("redis://h/0", "rediss://:p@h:6380/0", "sentinel://h?master_name=m", "sqs://"):
        assert broker(url).options["visibility_timeout"] == HELD_S
        assert broker(url).options["max_retries"] == 0
    for url in ("amqp://g:g@h//", "amqps://h/v"):
        assert broker(url).options["confirm_publish"] is True
        assert broker(url).queue_arguments == {"x-consumer-timeout": 4 * 3600 * 1000}
    assert HELD_S <= 12 * 3600, "SQS takes no more"


def test_a_certificate_is_verified_unless_the_url_says_otherwise() -> None:
    assert broker("rediss://h/0").url == "rediss://h/0?ssl_cert_reqs=required"
    assert broker("rediss://h/0?ssl_ca_certs=/ca.pem").url == "rediss://h/0?ssl_ca_certs=/ca.pem&ssl_cert_reqs=required"
    assert broker("rediss://h/0?ssl_cert_reqs=none").url == "rediss://h/0?ssl_cert_reqs=none"


def test_a_sentinel_url_carries_the_masters_name() -> None:
    found = broker("sentinel://:pw@a:26379/0;sentinel://b:26379?master_name=anb&sentinel_password=other")
    assert found.url == "sentinel://:pw@a:26379/0;sentinel://b:26379"
    assert found.options["master_name"] == "anb"
    assert found.options["sentinel_kwargs"]["password"] == "other"


@pytest.mark.parametrize("url", ["sentinel://h:26379", "sentinel://h?master_name=m&x=1", "kafka://h", "localhost:6379"])
def test_a_url_that_cannot_work_stops_the_start_with_what_to_write(url: str) -> None:
    with pytest.raises(SettingsError, match=r"CELERY_BROKER_URL.*: use .*://"):
        load_settings(celery_broker_url=url, secret_key=SECRET)


class Server:
    """A process of this test."""

    def __init__(self, command: list[str], port: int) -> None:
        self.command, self.port = command, port
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not _answers(self.port):
            assert self._process.poll() is None, self.command
            assert time.monotonic() < deadline, self.command
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(*command: str, port: int) -> Iterator[Server]:
    server = Server(list(command), port)
    try:
        yield server
    finally:
        server.kill()


def redis_server(*options: str, port: int, tcp_port: int | None = None) -> Any:
    binary = shutil.which("redis-server")
    if binary is None:
        _missing("redis-server")
    basics = ("--bind", "127.0.0.1", "--port", str(port if tcp_port is None else tcp_port), "--save", "")
    return running(str(binary), *basics, *options, port=port)


def _missing(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI may not leave its tests out")
    pytest.skip(f"{what} is not installed here")


@pytest.fixture
def plain_redis() -> Iterator[tuple[str, Server]]:
    port = free_port()
    with redis_server(port=port) as server:
        yield f"redis://127.0.0.1:{port}/0", server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Signed by itself, for this machine's loopback."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def tls_redis(certificate: Path) -> Iterator[str]:
    port, cert, key = free_port(), certificate / "cert.pem", certificate / "key.pem"
    options = [
        "--tls-port", str(port), "--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file",
        str(cert), "--tls-auth-clients", "no", "--requirepass", PASSWORD,
    ]  # fmt: skip
    with redis_server(*options, port=port, tcp_port=0):
        yield f"rediss://:{QUOTED}@127.0.0.1:{port}/0?ssl_ca_certs={cert}"


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[str]:
    master, watcher = free_port(), free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"bind 127.0.0.1\nport {watcher}\nsentinel monitor anb 127.0.0.1 {master} 1\n"
        f'sentinel auth-pass anb "{PASSWORD}"\n'
    )
    with (
        redis_server("--requirepass", PASSWORD, "--masterauth", PASSWORD, port=master),
        running("redis-server", str(config), "--sentinel", port=watcher),
    ):
        yield f"sentinel://:{QUOTED}@127.0.0.1:{watcher}/0?master_name=anb"


@pytest.fixture
def rabbitmq() -> Iterator[str]:
    with virtual_host() as url:
        yield url


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """moto: it takes any key, so it shows the shape of the calls and not the rights."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    port = free_port()
    with running(sys.executable, "-m", "moto.server", "-p", str(port), port=port):
        yield f"sqs://key:secret@127.0.0.1:{port}"


def celery_at(url: str) -> Celery:
    return make_celery(load_settings(celery_broker_url=url, secret_key=SECRET))


@pytest.fixture(params=["plain_redis", "tls_redis", "sentinel", "rabbitmq", "sqs"])
def app(request: pytest.FixtureRequest) -> Iterator[Celery]:
    asked = request.getfixturevalue(request.param)
    app = celery_at(asked[0] if isinstance(asked, tuple) else asked)
    yield app
    app.close()


def heard(app: Celery) -> list[str]:
    """The ids in the queue, taken out as a worker would."""
    ids: list[str] = []

    def take(body: Any, message: Any) -> None:
        ids.append(body[0][0])
        message.ack()

    with app.connection_for_read() as connection:
        queue = app.amqp.queues["anb"]
        with connection.Consumer([queue], callbacks=[take], accept=["json"]):
            connection.drain_events(timeout=20)
    return ids


def test_a_ring_arrives(app: Celery) -> None:
    bell, video_id = Bell(app), uuid.uuid4()
    bell.check()
    assert bell.ring(video_id)
    assert heard(app) == [str(video_id)]


def test_the_wrong_password_is_no_ring_and_no_crash(tls_redis: str, certificate: Path) -> None:
    for wrong in (tls_redis.replace(QUOTED, "wrong"), tls_redis.partition("?")[0]):  # the second trusts no such signer
        bell = Bell(celery_at(wrong))
        assert not bell.ring(uuid.uuid4())
        with pytest.raises(Exception, match=r"(?i)password|certificate"):
            bell.check()


def test_a_broker_that_dies_between_two_rings_is_missed_and_found_again(
    plain_redis: tuple[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anb.jobs.app._SILENT_S", 2.0)  # a slow machine, too, takes less to refuse a connection
    url, server = plain_redis
    bell = Bell(celery_at(url))
    assert bell.ring(uuid.uuid4())
    server.kill()
    assert not bell.ring(uuid.uuid4())
    assert not bell.ring(uuid.uuid4())
    server.start()
    assert bell.ring(uuid.uuid4())


SILENT = {
    "redis": "redis://127.0.0.1:{port}/0",
    "rediss": "rediss://:p@127.0.0.1:{port}/0",
    "sentinel": "sentinel://127.0.0.1:{port}/0?master_name=anb",
    "amqp": "amqp://guest:guest@127.0.0.1:{port}//",
    "sqs": "sqs://key:secret@127.0.0.1:{port}",
}


@pytest.mark.parametrize("scheme", SILENT)
def test_a_broker_that_is_away_is_no_ring(scheme: str) -> None:
    assert not Bell(celery_at(SILENT[scheme].format(port=free_port()))).ring(uuid.uuid4())


class Asked:
    """Counts how often the broker is asked. The bell's clock goes on in that alone, however slow the rest is."""

    def __init__(self, bell: Bell, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times, self.now_s = 0, 1000.0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self._send = bell._celery.send_task
        monkeypatch.setattr(bell._celery, "send_task", self._ask)
        monkeypatch.setattr("anb.jobs.app.time", SimpleNamespace(monotonic=lambda: self.now_s))

    def _ask(self, *arguments: Any, **named: Any) -> Any:
        self.times += 1
        self.may_go_on.wait(60)
        began = time.monotonic()
        try:
            return self._send(*arguments, **named)
        finally:
            self.now_s += time.monotonic() - began


LONGEST_SILENCE_S = 30
"""Well beyond the 10 s for which SQS, the slowest, is listened to, and far less than an upload's client waits."""


@pytest.mark.parametrize("scheme", ["redis", "sentinel", "amqp", "sqs"])
def test_a_broker_that_takes_the_connection_and_says_nothing_is_no_ring_and_is_left_alone(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        bell = Bell(celery_at(SILENT[scheme].format(port=silent.getsockname()[1])))
        asked = Asked(bell, monkeypatch)
        began_s = asked.now_s
        assert not bell.ring(uuid.uuid4())
        assert asked.now_s - began_s < LONGEST_SILENCE_S
        assert not bell.ring(uuid.uuid4())
        assert asked.times == 1


def test_a_redis_that_is_frozen_between_two_rings_is_left_alone_until_it_may_have_come_back(
    plain_redis: tuple[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, server = plain_redis
    bell = Bell(celery_at(url))
    asked = Asked(bell, monkeypatch)
    assert bell.ring(uuid.uuid4())
    server.signal(signal.SIGSTOP)
    assert not bell.ring(uuid.uuid4())
    server.signal(signal.SIGCONT)
    assert not bell.ring(uuid.uuid4())
    assert asked.times == 2

    def rings_later() -> bool:
        asked.now_s += _LEFT_ALONE_S
        return bell.ring(uuid.uuid4())

    until(rings_later)


def test_of_many_at_once_one_asks_whether_a_silent_broker_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent, ThreadPoolExecutor(8) as callers:
        bell = Bell(celery_at(SILENT["redis"].format(port=silent.getsockname()[1])))
        asked = Asked(bell, monkeypatch)
        assert not bell.ring(uuid.uuid4())
        asked.now_s += _LEFT_ALONE_S
        asked.may_go_on.clear()
        try:
            rings = [callers.submit(bell.ring, uuid.uuid4()) for _ in range(8)]
            until(lambda: sum(ring.done() for ring in rings) == 7)
        finally:
            asked.may_go_on.set()
        assert not any(ring.result() for ring in rings)
        assert asked.times == 2
