import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from tests.server import free_port
from tests.waiting import until

pytestmark = pytest.mark.slow

CONFIGURATION = Path(__file__).parents[2] / "deployment" / "gunicorn" / "gunicorn.conf.py"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DATABASE_URL": "postgresql://db/anb"}, "SECRET_KEY must be set"),
        (
            {"SECRET_KEY": "a secret that only tests know", "DATABASE_URL": "postgresql://db/anb"},
            "CELERY_BROKER_URL must",
        ),
    ],
)
def test_gunicorn_says_in_a_sentence_why_it_does_not_start(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    command = [sys.executable, "-m", "gunicorn", "-c", str(CONFIGURATION), "anb.api:create_app()"]
    environment = {"PATH": os.environ["PATH"], **settings}
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr


def test_workers_end_with_a_master_that_is_killed(tmp_path: Path) -> None:
    """Else they would serve old code for ever, on a port that the next master cannot have."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"], "SECRET_KEY": "a secret that only tests know", "MEDIA_ROOT": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/anb.db", "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    }  # fmt: skip
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        str(CONFIGURATION),
        "-b",
        f"127.0.0.1:{port}",
        "anb.api:create_app()",
    ]
    master = subprocess.Popen(command, env=environment, cwd=tmp_path, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        until(lambda: httpx2.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200)
        master.kill()
        master.wait()
        until(lambda: not is_alive(master.pid))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(master.pid, signal.SIGKILL)


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
