"""What the release workflow signs is what the deployment asks for, with a `cosign` that writes down what it is told.

A step that fails is red, by the shells that GitHub runs.
"""

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import anb
from anb import __version__

ROOT = Path(__file__).parents[2]


WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SHELLS = {"": ["bash", "-e"], "bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"]}
"""By `shell`; docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell"""


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


@pytest.mark.parametrize(("tag", "code"), [(f"v{__version__}", 0), (__version__, 1), (f"v{__version__}.1", 1)])
def test_a_tag_that_is_not_the_version_is_no_release(tag: str, code: int) -> None:
    read = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    (step,) = (one for one in read["jobs"]["version"]["steps"] if "run" in one)
    command = [*SHELLS[""], "-c", step["run"]]
    done = subprocess.run(command, cwd=ROOT, check=False, env={**os.environ, "GITHUB_REF_NAME": tag})
    assert done.returncode == code
    assert read["jobs"]["test"]["needs"] == "version"


def test_the_version_stands_once() -> None:
    """`/health` says the one of the code, pip that of the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert (ROOT / project["tool"]["hatch"]["version"]["path"]).samefile(anb.__file__)


def shell_of(workflow: dict[str, Any], job: dict[str, Any], step: dict[str, Any]) -> list[str]:
    by_default = [one.get("defaults", {}).get("run", {}).get("shell", "") for one in (job, workflow)]
    return SHELLS[next(filter(None, [step.get("shell", ""), *by_default]), "")]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_pipe_fails_where_its_first_command_does(workflow: Path) -> None:
    read = yaml.safe_load(workflow.read_text())
    steps = [(job, step) for job in read["jobs"].values() for step in job.get("steps", [])]
    piped = [(job, step) for job, step in steps if re.search(r"[^|]\|[^|]", step.get("run", ""))]
    assert [step["run"] for job, step in piped if "pipefail" not in shell_of(read, job, step)] == []


@pytest.mark.parametrize("code", [0, 1])
def test_a_diff_that_fails_is_red_and_says_why(tmp_path: Path, code: int) -> None:
    """Of every stack that the phase has; the words go to the page of the run too."""
    read = yaml.safe_load((ROOT / ".github/workflows/infrastructure.yml").read_text())
    job = read["jobs"]["diff"]
    (step,) = (one for one in job["steps"] if one.get("name") == "Diff")
    npx = tmp_path / "npx"
    npx.write_text(f'#!/bin/sh\necho "$*"\necho "not authorized" >&2\nexit {code}\n')
    npx.chmod(0o755)
    summary = tmp_path / "summary"
    script = tmp_path / "step.sh"
    script.write_text(step["run"])
    done = subprocess.run(
        [*shell_of(read, job, step), str(script)], check=False, capture_output=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert done.returncode == code
    words = summary.read_text()
    assert "not authorized" in words
    assert re.search(r" diff --app cdk\.out( --\S+)*\n", words), "it names a stack, and forgets the others"
