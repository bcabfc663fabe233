"""A whole session against real processes that log all they can; then none of its secrets is in any log."""

import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from anb.settings import Settings
from tests.cast import MP4_HEAD, wish
from tests.server import free_port
from tests.storage.stores import made_media

KEY = "the-signing-key-that-nobody-may-read"
OLD_KEY = "the-older-key-that-nobody-may-read"
DATABASE_PASSWORD = "the-database-password"
PASSWORD = "a password of four words"


@pytest.fixture(params=[[], ["absent"]], ids=["all is well", "the database is away"])
def server(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """`anb up`, or gunicorn; once more with a database that is not there, whose errors are what drivers write."""
    port, log = free_port(), tmp_path / "log"
    embedded = settings.database.startswith("sqlite")
    if embedded and request.param:
        pytest.skip("the embedded shape has its database in a file")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANB_")} | {
        "SECRET_KEY": KEY,
        "ANB_OTHER_SECRET_KEYS": OLD_KEY,
        "ANB_DATA_DIR": str(tmp_path / "data"),
        "ANB_LOG_LEVEL": "debug",
        "ANB_DISK_RESERVE_BYTES": "0",
        "ANB_RATE_LIMITS_TIMES": "1000",
    }
    command = ["anb.cli", "up", "--port", str(port)]
    if not embedded:
        url = (
            f"postgresql://postgres:{DATABASE_PASSWORD}@127.0.0.1:{free_port()}/anb"
            if request.param
            else (settings.database.replace("postgres@", f"postgres:{DATABASE_PASSWORD}@"))
        )
        environment |= {"DATABASE_URL": url, "CELERY_BROKER_URL": settings.broker}
        command = ["gunicorn", "-k", "anb.http.protocol.HalfOpenWorker", "-b", f"127.0.0.1:{port}", "--log-level",
                   "debug", "anb.api:create_app()"]  # fmt: skip
        made_media(tmp_path / "data" / "media")
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", *command], env=environment, stdout=file, stderr=file)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(120)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx2.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


def session(url: str) -> dict[str, str]:
    """What players do, well and badly. Returns the secrets that were part of it."""
    email = f"{uuid.uuid4().hex}@example.com"
    secrets = {
        "e-mail": email,
        "password": PASSWORD,
        "cookie": uuid.uuid4().hex,
        "wrong password": uuid.uuid4().hex,
        "key": KEY,
        "older key": OLD_KEY,
        "password of the database": DATABASE_PASSWORD,
    }
    with httpx2.Client(base_url=url, timeout=30, trust_env=False) as client:
        client.headers["Cookie"] = f"session={secrets['cookie']}"
        account = wish(email=email, password1=PASSWORD, password2=PASSWORD)
        statuses = [client.post("/api/auth/signup", json=account).status_code for _ in range(2)]
        client.post("/api/auth/signup", json=account | {"password2": secrets["wrong password"]})
        client.post("/api/auth/signup", content=str(account).encode(), headers={"Content-Type": "application/json"})
        client.post("/api/auth/login", json={"email": email, "password": secrets["wrong password"]})
        answer: dict[str, Any] = client.post("/api/auth/login", json={"email": email, "password": PASSWORD}).json()
        token = secrets["token"] = str(answer.get("access_token", "a.token.that-is-none"))
        headers = {"Authorization": f"Bearer {token}"}
        files = {"file": ("clip.mp4", MP4_HEAD)}
        upload = client.post("/api/videos/upload", headers=headers, files=files, data={"title": "Triple"}).json()
        video = upload.get("id", uuid.uuid4())
        detail = client.get(f"/api/videos/{video}", headers=headers).json()
        original = str(detail.get("original_url") or "/media/uploads/x.mp4?token=a.link.that-is-none")
        secrets["link"] = original.partition("token=")[2]
        for path in (original, original[:-3], f"/api/videos?access_token={token}", "/api/videos", "/ready", "/nowhere"):
            client.get(path, headers={"Range": "bytes=0-1"})
        client.get("/api/videos", headers={"Authorization": f"Bearer {token[:-3]}"})
        client.post(f"/api/public/videos/{video}/vote", headers=headers)
        client.delete(f"/api/videos/{video}", headers=headers)
        client.get(f"/nowhere/{'x' * 60_000}")
    assert statuses in ([201, 409], [503, 503])
    return secrets


def test_no_secret_is_logged_and_no_internal_name_answered(server: tuple[str, Path]) -> None:
    url, log = server
    secrets = session(url)
    with httpx2.Client(base_url=url, trust_env=False, timeout=30) as client:
        answers = "".join(client.get(path).text for path in ("/ready", "/api/public/rankings", "/openapi.json"))
    text = log.read_text()
    assert '"event": "request"' in text
    assert [name for name, secret in secrets.items() if secret in text] == []
    signatures = [secrets[name].rpartition(".")[2] for name in ("token", "link")]
    assert [signature for signature in signatures if signature in text] == []
    assert not re.search(r"argon2id\$|eyJ[A-Za-z0-9_-]{20,}", text)
    internal = (DATABASE_PASSWORD, KEY, "psycopg", "sqlalchemy", "Traceback", "postgres@", 'File "', "/tmp/")
    assert [name for name in internal if name in answers] == []
