"""A wrong call of a delivery script says the right one, and changes nothing."""

import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "deployment" / "delivery"


def call(folder: Path, script: str, *words: str) -> tuple[int, str]:
    """With the system's own commands alone, and `make`, `aws`, `kubectl` and `curl` that must not be asked."""
    for name in ("make", "aws", "kubectl", "curl"):
        (folder / name).write_text('#!/bin/sh\ntouch "$0.asked"\n')
        (folder / name).chmod(0o755)
    environment = {"PATH": f"{folder}:/usr/bin:/bin"}
    done = subprocess.run([SCRIPTS / script, *words], env=environment, check=False, capture_output=True, text=True)
    assert list(folder.glob("*.asked")) == []
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        (("clusters.sh",), "clusters.sh deploy IMAGE@DIGEST REGION... | back REGION..."),
        (("clusters.sh", "deploy", "image"), "clusters.sh deploy IMAGE@DIGEST REGION... | back REGION..."),
        (("hosts.sh", "undo", "1", "v1", "bucket"), "hosts.sh deploy|back PHASE NAME BUCKET"),
        (("hosts.sh", "deploy", "3", "v1", "bucket"), "hosts.sh deploy|back PHASE NAME BUCKET"),
        (("publish.sh", "v1"), "publish.sh NAME BUCKET"),
        (("rollout.sh", "us-east-1"), "rollout.sh REGION IMAGE@DIGEST"),
        (("smoke.sh", "https://anb.example.com"), "smoke.sh URL VERSION"),
        (("stack.sh",), "stack.sh PHASE [NAME=VALUE...]"),
        (("stack.sh", "4"), "stack.sh PHASE [NAME=VALUE...]"),
    ],
)
def test_a_wrong_call_says_the_right_one(tmp_path: Path, words: tuple[str, ...], usage: str) -> None:
    assert call(tmp_path, *words) == (2, f"Usage: {usage}")


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("stack.sh", "0", "AlarmsTo=you@example.com"), "ANB_TEMPLATES_BUCKET names no bucket"),
        (("smoke.sh", "https://anb.example.com", "1"), "smoke.sh needs anb on PATH"),
        (("rollout.sh", "nowhere", f"anb@sha256:{'0' * 64}"), "nowhere has no overlay"),
    ],
)
def test_what_is_missing_is_said_first(tmp_path: Path, words: tuple[str, ...], missing: str) -> None:
    code, said = call(tmp_path, *words)
    assert (code, said.partition(missing)[1]) == (2, missing)
