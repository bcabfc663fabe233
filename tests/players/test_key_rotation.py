"""Two real servers behind one balancer change the key, one after the other, while people log in and read."""

import os
import random
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.cast import PASSWORD, wish
from tests.server import free_port
from tests.waiting import until

from anb import migrations
from anb.db import Database

pytestmark = pytest.mark.slow

OLD, NEW = "the key of yesterday is long enough", "the key of today is long enough"
STEPS = [(OLD, ""), (OLD, NEW), (NEW, OLD), (NEW, "")]
"""What docs/settings.md says: SECRET_KEY and ANB_OTHER_SECRET_KEYS."""
ENOUGH = 20


class Server:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{self._port}", timeout=30, trust_env=False, headers={"Connection": "close"}
        )  # kept ones would be waited for

    def start(self, key: str, other: str) -> None:
        command = ["gunicorn", "-k", "anb.http.protocol.HalfOpenWorker", "-b", f"127.0.0.1:{self._port}"]
        environment = {
            "PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{self._folder}/anb.db", "SECRET_KEY": key,
            "ANB_OTHER_SECRET_KEYS": other, "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
            "MEDIA_ROOT": str(self._folder), "ANB_RATE_LIMITS_TIMES": "100000", "ANB_LOG_LEVEL": "error",
        }  # fmt: skip
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command, "anb.api:create_app()"], env=environment, cwd=self._folder,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until(self._answers)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def _answers(self) -> bool:
        return self.http.get("/health").status_code == 200


class Crowd:
    """Each keeps its tokens and shows them to whichever server the balancer chooses."""

    def __init__(self, servers: list[Server], email: str) -> None:
        self._servers = servers
        self._log_in = {"email": email, "password": PASSWORD}
        self._over = threading.Event()
        self._tokens: list[str] = []
        self.heard: Counter[int] = Counter()

    def _live(self) -> None:
        choice = random.Random(1)
        while not self._over.is_set():
            try:
                if choice.random() < 0.2:
                    answer = choice.choice(self._servers).http.post("/api/auth/login", json=self._log_in)
                    self.heard[answer.status_code] += 1
                    if answer.status_code == 200:
                        self._tokens.append(answer.json()["access_token"])
                if self._tokens:
                    self.heard[self.read(choice.choice(self._servers), choice.choice(self._tokens))] += 1
            except httpx2.TransportError:  # that server is being changed, and the balancer takes the other one
                pass

    def read(self, server: Server, token: str) -> int:
        return server.http.get("/api/videos", headers={"Authorization": f"Bearer {token}"}).status_code

    def hears_more(self) -> None:
        before = self.heard.total()
        until(lambda: self.heard.total() >= before + ENOUGH)

    def old_tokens_expire(self) -> list[str]:
        old, self._tokens = self._tokens, []
        return old

    @contextmanager
    def living(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._live) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()


def test_servers_that_change_the_key_one_after_the_other_turn_nobody_away(tmp_path: Path) -> None:
    """The two are alike, so whichever of them is first, somebody has logged in at the other."""
    database = Database(f"sqlite:///{tmp_path}/anb.db")
    migrations.upgrade(database)
    database.dispose()
    servers = [Server(tmp_path), Server(tmp_path)]
    account = wish(email=f"{uuid.uuid4().hex}@example.com")
    with ExitStack() as running:
        for server in servers:
            running.callback(server.http.close)
            running.callback(server.stop)
            server.start(*STEPS[0])
        assert servers[0].http.post("/api/auth/signup", json=account).status_code == 201
        crowd = Crowd(servers, account["email"])
        with crowd.living():
            crowd.hears_more()
            for step in STEPS[1:]:
                if step == STEPS[-1]:
                    crowd.hears_more()  # signed by the new key
                    old = crowd.old_tokens_expire()
                for server in servers:
                    server.stop()
                    server.start(*step)
                    crowd.hears_more()
        assert crowd.heard.keys() == {200}
        assert crowd.read(servers[0], old[0]) == 401
