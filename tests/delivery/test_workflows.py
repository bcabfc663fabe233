"""What the release workflow signs is what the deployment asks for, with a `cosign` that writes down what it is told."""

import os
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def told(folder: Path, workflow: str, job: str, step: str) -> list[str]:
    steps = yaml.safe_load((ROOT / ".github/workflows" / f"{workflow}.yml").read_text())["jobs"][job]["steps"]
    (run,) = (one["run"] for one in steps if one.get("name") == step)
    cosign = folder / "cosign"
    cosign.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    cosign.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "IMAGE": "anb@sha256:1", "SIGNER": "release.yml"}
    command = ["bash", "-euo", "pipefail", "-c", run]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_hosts_get_no_tree_that_was_not_signed_with_the_image(tmp_path: Path) -> None:
    """`publish.sh` archives this tree."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD^{tree}"]
    tree = f"tree={subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()}"
    for words in (
        told(tmp_path, "release", "image", "Sign"),
        told(tmp_path, "deploy", "production", "Only what the release workflow has signed"),
    ):
        assert words[words.index("--annotations") + 1] == tree
        assert words[-1] == "anb@sha256:1"
