"""Web processes that share one database and one folder, for what only their deaths show."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx2

from tests.cast import PASSWORD, wish
from tests.conftest import SECRET
from tests.server import free_port
from tests.storage.stores import made_media


class WebServer:
    """gunicorn with its workers, as on a server; `kill` leaves it no time for anything."""

    def __init__(self, folder: Path, database_url: str, broker: str, workers: int = 1, **more: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / f"web-{self.port}.log"
        environment: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANB_")},
            "DATABASE_URL": database_url, "CELERY_BROKER_URL": broker, "SECRET_KEY": SECRET,
            "ANB_DATA_DIR": str(folder), "ANB_DISK_RESERVE_BYTES": "0", "ANB_RATE_LIMITS_TIMES": "1000000", **more,
        }  # fmt: skip
        made_media(folder / "media")
        command = [sys.executable, "-m", "gunicorn", "-k", "anb.http.protocol.HalfOpenWorker", "-w", str(workers),
                   "-b", f"127.0.0.1:{self.port}", "--log-level", "error", "anb.api:create_app()"]  # fmt: skip
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=dict(environment), cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"{self.url}/health", trust_env=False).status_code == 200:
                    return self
            except httpx2.TransportError:
                time.sleep(0.05)
        self.kill()
        raise AssertionError(self._log.read_text()[-3000:])

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, seconds: float) -> int:
        """As a deployment stops it. Returns the exit code; raises where it takes longer."""
        self.process.terminate()
        return self.process.wait(seconds)

    def token(self) -> str:
        """Of Ana, who signs up if need be."""
        with httpx2.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            client.post("/api/auth/signup", json=wish("Ana"))
            login = {"email": "ana@example.com", "password": PASSWORD}
            token: str = client.post("/api/auth/login", json=login).json()["access_token"]
            return token
