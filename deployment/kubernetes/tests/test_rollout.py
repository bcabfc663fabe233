"""deployment/delivery/rollout.sh, with a kubectl that builds for real and only writes down the rest."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, TOOLS

IMAGE = "registry.example/anb@sha256:" + "a" * 64

# $SAID holds a line for each call; of an apply also what it selected. A call that matches $FAILS fails.
KUBECTL = r"""#!/usr/bin/env bash
[[ $1 == kustomize ]] && exec "$REAL" "$@"
echo "$*" >>"$SAID"
[[ $1 == apply ]] && cp "$3" "$SAID.yaml"
[[ -n $FAILS && "$*" =~ $FAILS ]] && exit 1
exit 0
"""


class Run:
    def __init__(self, folder: Path, region: str, image: str, fails: str) -> None:
        fake = folder / "kubectl"
        fake.write_text(KUBECTL)
        fake.chmod(0o755)
        said = folder / "said"
        said.touch()
        environment = {
            "PATH": f"{folder}:{os.environ['PATH']}", "REAL": str(TOOLS / "kubectl"), "SAID": str(said), "FAILS": fails,
        }  # fmt: skip
        script = ROOT / "deployment" / "delivery" / "rollout.sh"
        done = subprocess.run(
            [script, region, image], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        self.code = done.returncode
        self.error = done.stderr
        self.calls = [line.removeprefix("--namespace anb ") for line in said.read_text().splitlines()]
        applied = folder / "said.yaml"
        self.manifests = list(yaml.safe_load_all(applied.read_text())) if applied.exists() else []

    def steps(self) -> list[str]:
        return [" ".join(call.split(" --selector ")[-1].split()[:3]) for call in self.calls]


@pytest.mark.parametrize("fails", ["", "rollout status --timeout=600s deployment/worker"])
def test_the_migration_ends_before_the_new_code_begins(tmp_path: Path, fails: str) -> None:
    run = Run(tmp_path, "us-east-1", IMAGE, fails)
    assert run.steps()[:5] == [
        "app.kubernetes.io/component notin (web,",
        "delete job migrate",
        "app.kubernetes.io/component=migrate",
        "wait --for=condition=complete --timeout=920s",
        "app.kubernetes.io/component in (web,",
    ]
    undone = [call for call in run.calls if call.startswith("rollout undo")]
    assert undone == [f"rollout undo deployment/{name}" for name in ("web", "worker", "beat") if fails]
    assert run.code == (1 if fails else 0)


def test_a_migration_that_fails_leaves_the_old_code(tmp_path: Path) -> None:
    run = Run(tmp_path, "us-east-1", IMAGE, "wait --for=condition=complete")
    assert run.code != 0
    assert "component in (web," not in " ".join(run.calls)


def test_the_second_region_migrates_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path, "sa-east-1", IMAGE, "")
    assert (run.code, [call for call in run.calls if "migrate" in call and "notin" not in call]) == (0, [])


def test_every_pod_runs_the_digest_and_every_selector_finds_its_part(tmp_path: Path) -> None:
    run = Run(tmp_path, "us-east-1", IMAGE, "")
    workloads = [one for one in run.manifests if one["kind"] in {"Deployment", "Job"}]
    for one in workloads:
        (container,) = one["spec"]["template"]["spec"]["containers"]
        assert container["image"] == IMAGE
    named = {one["metadata"]["labels"].get("app.kubernetes.io/component") for one in workloads}
    assert named == {"web", "worker", "beat", "migrate"}
    rest = [one for one in run.manifests if one not in workloads]
    assert all("app.kubernetes.io/component" not in one["metadata"].get("labels", {}) for one in rest)


def test_a_tag_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path, "us-east-1", "registry.example/anb:v1", "")
    assert (run.code, run.calls) == (2, [])
    assert "a tag may be moved" in run.error
