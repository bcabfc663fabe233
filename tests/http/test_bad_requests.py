"""No bad request gets a 5xx, and whatever we answer to one is a problem document.

On a server in this process, on each database; or on any other by ANB_TEST_STACK_URL=http://HOST:PORT.
"""

import json
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.bad_requests import BAD_REQUESTS, Bad, Target
from tests.cast import MP4_HEAD, PASSWORD, wish
from tests.conftest import SECRET, SHAPES, empty
from tests.server import is_whole, serving
from tests.storage.stores import made_media

from anb.api import create_app
from anb.settings import load_settings

STACK = os.environ.get("ANB_TEST_STACK_URL", "")


@pytest.fixture(scope="module", params=["stack"] if STACK else SHAPES)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "stack":
        yield STACK
        return
    folder = tmp_path_factory.mktemp("bad")
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("_migrated_sqlite"), folder / "anb.db")
        database_url = f"sqlite:///{folder / 'anb.db'}"
    else:
        database_url = request.getfixturevalue("_migrated_postgres")
    settings = load_settings(
        database_url=database_url,
        celery_broker_url="memory://",
        secret_key=SECRET,
        data_dir=folder,
        log_level="error",
        disk_reserve_bytes=0,
        rate_limits_times=1_000_000,
    )
    made_media(Path(settings.media))
    with serving(create_app(settings)) as port:
        yield f"http://127.0.0.1:{port}"
    if request.param == "postgresql":
        empty(database_url)


@pytest.fixture(autouse=True)
def pace() -> None:
    """nginx lets 100 requests a second of one address through, and a case is two at most that are whole."""
    if STACK:
        time.sleep(0.02)


@pytest.fixture(scope="module")
def target(url: str) -> Target:
    address = httpx2.URL(url)
    with httpx2.Client(base_url=url, trust_env=False, timeout=30) as client:
        (ana, video), (beto, own) = (_player_with_video(client, name) for name in ("Ana", "Beto"))
        assert ana != beto
        shown = client.get(f"/api/videos/{own}", headers={"Authorization": f"Bearer {beto}"}).json()
    return Target(address.host, address.port or 80, beto, video, shown["original_url"])


def _player_with_video(client: httpx2.Client, name: str) -> tuple[str, str]:
    email = f"{uuid.uuid4().hex}@example.com"
    assert client.post("/api/auth/signup", json=wish(name, email=email)).status_code == 201
    token = client.post("/api/auth/login", json={"email": email, "password": PASSWORD}).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    files = {"file": ("clip.mp4", MP4_HEAD)}
    answer = client.post("/api/videos/upload", headers=headers, files=files, data={"title": "Triple"})
    return str(token), str(answer.json()["id"])


def exchange(target: Target, case: Bad) -> bytes:
    """What comes back: all of it where one request may hide in another. The server may reset what it will not read."""
    answer = b""
    with socket.create_connection((target.host, target.port), timeout=20) as connection:
        try:
            connection.sendall(case.make(target))
            if case.ends:
                connection.shutdown(socket.SHUT_WR)
            while (chunk := connection.recv(65536)) and (case.until_closed or not is_whole(answer + chunk)):
                answer += chunk
            answer += chunk
        except ConnectionError:
            pass
    return answer


@pytest.mark.parametrize("case", BAD_REQUESTS, ids=[case.name for case in BAD_REQUESTS])
def test_a_bad_request_is_refused_in_words(target: Target, case: Bad) -> None:
    answer = exchange(target, case)
    statuses = [int(status) for status in re.findall(rb"^HTTP/1\.[01] ([2-5]\d\d) ", answer, re.MULTILINE)] or [0]
    assert max(statuses) < 500, answer[:2000]
    assert set(statuses) <= case.fits, answer[:2000]
    assert b"/api/hidden" not in answer
    assert b"root:x:" not in answer
    assert b"Traceback" not in answer
    head, _, body = answer.partition(b"\r\n\r\n")
    if statuses[0] >= 400 and len(statuses) == 1 and body:
        assert b"application/problem+json" in head, answer[:2000]


def test_there_are_enough_of_them() -> None:
    assert len(BAD_REQUESTS) >= 60
    assert len({case.name for case in BAD_REQUESTS}) == len(BAD_REQUESTS)


def test_what_only_we_decide_cannot_be_sent(url: str) -> None:
    """Mass assignment: fields of the row that the form does not have."""
    mine: dict[str, Any] = {
        "id": str(uuid.UUID(int=7)),
        "votes": 1000,
        "password_hash": "!",
        "is_admin": True,
        "created_at": "2020-01-01T00:00:00Z",
        "first_published_at": "2020-01-01T00:00:00Z",
    }
    with httpx2.Client(base_url=url, trust_env=False, timeout=30) as client:
        email = f"{uuid.uuid4().hex}@example.com"
        answer = client.post("/api/auth/signup", json=wish(email=email) | mine)
        assert answer.status_code == 201
        assert answer.json()["id"] != mine["id"]
        assert not mine.keys() & (answer.json().keys() - {"id"})
        assert client.post("/api/auth/login", json={"email": email, "password": PASSWORD}).status_code == 200


def test_clients_that_never_finish_keep_nobody_waiting(target: Target) -> None:
    """A hundred heads and bodies without an end, while an honest client is answered."""
    heads = [
        b"GET /api/public/rankings HTTP/1.1\r\nHost: anb\r\nX-Slow: a",
        b"POST /api/auth/login HTTP/1.1\r\nHost: anb\r\nContent-Length: 60\r\n\r\n{",
        f"POST /api/videos/upload HTTP/1.1\r\nHost: anb\r\nAuthorization: Bearer {target.token}\r\nContent-Type:"
        f" multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n--b\r\n".encode(),
    ]
    slow = []
    try:
        for number in range(100):
            connection = socket.create_connection((target.host, target.port), timeout=20)
            connection.sendall(heads[number % len(heads)])
            slow.append(connection)
        with httpx2.Client(trust_env=False, timeout=20) as client:
            base = f"http://{target.host}:{target.port}"
            assert client.get(f"{base}/health").json()["status"] == "healthy"
            assert client.get(f"{base}/api/public/rankings").status_code == 200
            headers = {"Authorization": f"Bearer {target.token}"}
            assert client.get(f"{base}/api/videos", headers=headers).status_code == 200
    finally:
        for connection in slow:
            connection.close()


def test_nothing_of_it_left_a_trace(target: Target) -> None:
    """Run in any order: whatever was sent, the stranger's video is as it was, and ours is alone."""
    with httpx2.Client(base_url=f"http://{target.host}:{target.port}", trust_env=False, timeout=20) as client:
        own = client.get("/api/videos", headers={"Authorization": f"Bearer {target.token}"})
        assert len(json.loads(own.content)) == 1
        assert Path(own.json()[0]["title"]).name == "Triple"
