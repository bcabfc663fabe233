"""One real stack for all tests here: nginx, gunicorn, PostgreSQL, Redis, worker, beat. `make stack-test` runs them."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from deployment.stack.configuration import Plan, free_ports
from deployment.stack.servers import Stack

from tests.cast import wish
from tests.stack.asking import drawn


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Not below pytest's own folder: PostgreSQL's user must come through. A folder's name may have a space."""
    settings = {
        "ANB_DISK_RESERVE_BYTES": "0",
        "ANB_SWEEP_EVERY_S": "1",
        "ANB_RING_AGAIN_AFTER_S": "1",
        "ANB_RATE_LIMITS_TIMES": "100",
        "ANB_MAX_UNFINISHED_VIDEOS": "1000",
    }
    with tempfile.TemporaryDirectory(prefix="anb stack ") as folder:
        Path(folder).chmod(0o755)
        with Stack(Plan(Path(folder), free_ports()), settings) as stack:
            yield stack


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx2.Client]:
    with httpx2.Client(
        base_url=stack.plan.url, timeout=60, trust_env=False, headers={"Accept-Language": "en"}
    ) as client:
        yield client


@pytest.fixture
def ana(http: httpx2.Client) -> dict[str, str]:
    """Her headers."""
    account = wish("Ana", email=f"{uuid.uuid4().hex}@example.com")
    assert http.post("/api/auth/signup", json=account).status_code == 201
    login = {"email": account["email"], "password": account["password1"]}
    return {"Authorization": f"Bearer {http.post('/api/auth/login', json=login).json()['access_token']}"}


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return drawn(tmp_path_factory.mktemp("clip") / "clip.mp4", "size=320x180:rate=30:duration=2")
