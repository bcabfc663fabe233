"""The bad requests and the fuzzer of tests/http, this time through nginx to four processes."""

import os
import subprocess
import sys
from pathlib import Path

from deployment.stack.servers import Stack

from tests.stack.asking import Headers

HTTP = Path(__file__).parents[1] / "http"


def test_no_bad_request_is_answered_5xx(stack: Stack) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(HTTP / "test_bad_requests.py")]
    told = {name: value for name, value in os.environ.items() if not name.startswith("ANB_")}
    run = subprocess.run(
        command, env=told | {"ANB_TEST_STACK_URL": stack.plan.url}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-6000:]


def test_no_documented_path_is_answered_5xx(stack: Stack, ana: Headers, tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("st")), "run", "--checks", "not_a_server_error", "--seed", "1"]
    within_limits = ["--rate-limit", "90/s"]  # of nginx, which would answer for the application
    phases = ["--max-examples", "25", "--phases", "examples,fuzzing", "--generation-database", "none"]
    known = ["--header", f"Authorization: {ana['Authorization']}"]
    run = subprocess.run(
        [*command, *within_limits, *phases, *known, f"{stack.plan.url}/openapi.json"],
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(HTTP / "serializers.py")},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:]
