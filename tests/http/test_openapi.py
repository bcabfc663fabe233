"""The OpenAPI document holds: whatever schemathesis asks, no 5xx, no undocumented status, no other body."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.cast import Cast
from tests.server import serving

pytestmark = pytest.mark.slow

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def test_no_answer_is_5xx_or_undocumented(app: FastAPI, cast: Cast, tmp_path: Path) -> None:
    cast.vote(cast.beto, cast.video(cast.ana))
    command = [
        str(Path(sys.executable).with_name("st")),
        "run",
        "--checks",
        CHECKS,
        "--max-examples",
        "25",
        "--seed",
        "1",
    ]
    # 405 is every server's answer to a method that a path does not have; OpenAPI states methods, not their absence.
    phases = ["--phases", "examples,fuzzing", "--generation-database", "none"]
    with serving(app) as port:
        url = f"http://127.0.0.1:{port}/openapi.json"
        run = subprocess.run(
            [*command, *phases, "--header", f"Authorization: Bearer {cast.carla.token}", url],
            env=os.environ | {"SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("serializers.py"))},
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:]
