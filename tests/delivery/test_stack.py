"""deployment/delivery/stack.sh, with an `aws` whose stack goes through the states that a test names."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deployment" / "delivery" / "stack.sh"

AWS = r"""#!/usr/bin/env bash
case "$2" in
    get-caller-identity) echo 123456789012 ;;
    deploy)
        echo "$*" >"$STATES.told"
        exit 255 ;;  # CloudFormation refuses or goes back, or the command has waited for an hour
    describe-stacks)
        head -n 1 "$STATES"
        sed -i '1{$!d}' "$STATES" ;;
esac
"""


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["UPDATE_COMPLETE"], 1),  # what ran before: nothing was begun
        (["REVIEW_IN_PROGRESS"], 1),  # a first one that was refused
        (["UPDATE_ROLLBACK_COMPLETE"], 1),
        (["UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"], 0),
        (["CREATE_IN_PROGRESS", "CREATE_COMPLETE"], 0),
        (["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"], 1),
        (["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"], 1),
    ],
)
def test_a_stack_that_moves_for_longer_than_an_hour_is_waited_for(tmp_path: Path, states: list[str], code: int) -> None:
    for name, text in (("aws", AWS), ("make", "#!/bin/sh\n"), ("sleep", "#!/bin/sh\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    told = tmp_path / "states"
    told.write_text("\n".join(states) + "\n")
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "STATES": str(told), "ANB_TEMPLATES_BUCKET": "templates"}
    done = subprocess.run([SCRIPT, "2"], env=environment, check=False, capture_output=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert told.read_text().split() == states[-1:]
    words = (tmp_path / "states.told").read_text().split()
    assert words[words.index("--role-arn") + 1] == "arn:aws:iam::123456789012:role/anb-stack"
