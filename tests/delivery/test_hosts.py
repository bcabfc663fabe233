"""deployment/delivery/hosts.sh, with an `aws` that keeps objects in a folder and writes down what the stack is told."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

AWS = r"""#!/usr/bin/env bash
[[ -z ${FAILS-} || "$1 $2 $*" != *"$FAILS"* ]] || exit 1
case "$1 $2" in
    "cloudformation describe-stacks")
        running=$(tail -n 1 "$KEPT/stack")
        [[ $* == *ReleaseKey* ]] && sed 's/ReleaseKey=//; s/ .*//' <<<"$running" || echo "${running##*=}" ;;
    "cloudformation deploy") echo "${*: -2}" >>"$KEPT/stack" ;;
    "s3 cp") if [[ $4 == - ]]; then cat >"$KEPT/$(basename "$5")"; else cat "$KEPT/$(basename "$4")"; fi ;;
    "s3api put-object") cp "$8" "$KEPT/$(basename "$6")" ;;
    *) exit 64 ;;
esac
"""


OLD = "ReleaseKey=releases/old.tar.gz ReleaseSha256=0123"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """`make` would write the templates, which infra/tests looks at."""
    for name, text in (("aws", AWS), ("make", '#!/bin/sh\necho "$*" >>"$KEPT/made"\n')):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "stack").write_text(f"{OLD}\n")
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "KEPT": str(tmp_path), "ANB_TEMPLATES_BUCKET": "templates"}


def run(environment: dict[str, str], action: str) -> str:
    script = ROOT / "deployment" / "delivery" / "hosts.sh"
    subprocess.run([script, action, "2", "v9", "releases"], env=environment, check=True, capture_output=True, cwd=ROOT)
    return (Path(environment["KEPT"]) / "stack").read_text().splitlines()[-1]


def test_the_stack_is_given_the_archive_and_its_digest_and_goes_back(environment: dict[str, str]) -> None:
    key, digest = (part.partition("=")[2] for part in run(environment, "deploy").split())
    archive = Path(environment["KEPT"]) / Path(key).name
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == digest
    assert (Path(environment["KEPT"]) / "made").read_text() == "--no-print-directory infra-synth PHASE=2\n"
    listed = subprocess.run(["tar", "-tzf", archive], check=True, capture_output=True, text=True).stdout
    assert "anb-v9/deployment/ec2-setup/lib.sh" in listed
    assert run(environment, "back") == OLD


def test_one_commit_is_one_archive_and_deployed_twice_it_still_goes_back(environment: dict[str, str]) -> None:
    assert run(environment, "deploy") == run(environment, "deploy")
    assert run(environment, "back") == OLD


@pytest.mark.parametrize(
    ("action", "fails"),
    [
        ("deploy", "s3api"),  # neither put nor there
        ("deploy", "ParameterKey=='ReleaseKey'"),
        ("deploy", "ParameterKey=='ReleaseSha256'"),
        ("deploy", "s3 cp"),
        ("back", "s3 cp"),
    ],
)
def test_what_fails_on_the_way_leaves_the_stack_alone(environment: dict[str, str], action: str, fails: str) -> None:
    if action == "back":
        run(environment, "deploy")
    before = (Path(environment["KEPT"]) / "stack").read_text()
    with pytest.raises(subprocess.CalledProcessError):
        run(environment | {"FAILS": fails}, action)
    assert (Path(environment["KEPT"]) / "stack").read_text() == before


def test_without_a_release_before_there_is_no_way_back(environment: dict[str, str]) -> None:
    (Path(environment["KEPT"]) / "before-v9").write_text("")
    with pytest.raises(subprocess.CalledProcessError):
        run(environment, "back")
    assert (Path(environment["KEPT"]) / "stack").read_text() == f"{OLD}\n"
