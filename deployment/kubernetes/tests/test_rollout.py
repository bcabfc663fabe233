"""deployment/delivery/rollout.sh and rollback.sh, with a kubectl that builds for real and plays the cluster."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, TOOLS

IMAGE = "registry.example/anb@sha256:" + "a" * 64
NEXT = "registry.example/anb@sha256:" + "b" * 64
STAND_IN = Path(__file__).with_name("stand_in.py")


class Run:
    """A call that matches `fails` fails. Runs in one folder have one cluster."""

    def __init__(self, folder: Path, script: Path, *arguments: str, fails: str = "") -> None:
        fake = folder / "kubectl"
        fake.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{STAND_IN}" "$@"\n')
        fake.chmod(0o755)
        said, state, applied = folder / "said", folder / "state", folder / "applied"
        said.write_text("")
        if not state.exists():
            state.write_text("{}")
        environment = {
            "PATH": f"{folder}:{os.environ['PATH']}", "REAL": str(TOOLS / "kubectl"), "SAID": str(said), "FAILS": fails,
            "STATE": str(state), "APPLIED": str(applied),
        }  # fmt: skip
        done = subprocess.run(
            [script, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        self.code = done.returncode
        self.output = done.stdout
        self.error = done.stderr
        self.calls = [line.removeprefix("--namespace anb ") for line in said.read_text().splitlines()]
        self.manifests = list(yaml.safe_load_all(applied.read_text())) if applied.exists() else []

    def steps(self) -> list[str]:
        changing = [call for call in self.calls if call.startswith(("apply", "delete", "wait"))]
        return [" ".join(call.split(" --selector ")[-1].split()[:3]) for call in changing]


def roll(folder: Path, region: str, image: str, fails: str = "") -> Run:
    return Run(folder, ROOT / "deployment" / "delivery" / "rollout.sh", region, image, fails=fails)


def test_the_migration_ends_before_the_new_code_begins(tmp_path: Path) -> None:
    run = roll(tmp_path, "us-east-1", IMAGE)
    assert run.steps() == [
        "app.kubernetes.io/component notin (web,",
        "delete job migrate",
        "app.kubernetes.io/component=migrate",
        "wait --for=condition=complete --timeout=920s",
        "app.kubernetes.io/component in (web,",
    ]
    assert run.code == 0


def test_a_migration_that_fails_leaves_the_old_code(tmp_path: Path) -> None:
    run = roll(tmp_path, "us-east-1", IMAGE, "wait --for=condition=complete")
    assert run.code != 0
    assert "component in (web," not in " ".join(run.calls)


def test_the_second_region_migrates_nothing(tmp_path: Path) -> None:
    run = roll(tmp_path, "sa-east-1", IMAGE)
    assert (run.code, [call for call in run.calls if "migrate" in call and "notin" not in call]) == (0, [])


def test_every_pod_runs_the_digest_and_every_selector_finds_its_part(tmp_path: Path) -> None:
    run = roll(tmp_path, "us-east-1", IMAGE)
    workloads = [one for one in run.manifests if one["kind"] in {"Deployment", "Job"}]
    for one in workloads:
        (container,) = one["spec"]["template"]["spec"]["containers"]
        assert container["image"] == IMAGE
    named = {one["metadata"]["labels"].get("app.kubernetes.io/component") for one in workloads}
    assert named == {"web", "worker", "beat", "migrate"}
    rest = [one for one in run.manifests if one not in workloads]
    assert all("app.kubernetes.io/component" not in one["metadata"].get("labels", {}) for one in rest)


@pytest.mark.parametrize("region", ["us-east-1", "sa-east-1"])
def test_a_region_runs_the_image_of_its_own_registry(tmp_path: Path, region: str) -> None:
    """The one that images are pushed to may be lost."""
    pushed = IMAGE.replace("registry.example", "210987654321.dkr.ecr.us-east-1.amazonaws.com")
    run = roll(tmp_path, region, pushed)
    pods = [one["spec"]["template"]["spec"] for one in run.manifests if one["kind"] == "Deployment"]
    images = {pod["containers"][0]["image"] for pod in pods}
    assert images == {pushed.replace("us-east-1", region)}


def test_a_tag_is_refused(tmp_path: Path) -> None:
    run = roll(tmp_path, "us-east-1", "registry.example/anb:v1")
    assert (run.code, run.calls) == (2, [])
    assert "a tag may be moved" in run.error


PARTS = ("web", "worker", "beat")


class Region:
    """A cluster, and the tree that is brought to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "deployment"
        for name in ("kubernetes/base", "kubernetes/overlays", "delivery"):
            shutil.copytree(ROOT / "deployment" / name, self.tree / name)

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.tree / "kubernetes/base" / name
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    def deploy(self, image: str, fails: str = "") -> Run:
        return Run(self.folder, self.tree / "delivery/rollout.sh", "us-east-1", image, fails=fails)

    def back(self, fails: str = "") -> Run:
        return Run(self.folder, self.tree / "delivery/rollback.sh", fails=fails)

    def runs(self) -> dict[str, str]:
        """The template of each, as text."""
        state = json.loads((self.folder / "state").read_text())
        return {name: json.dumps(state[name]["spec"]["template"], sort_keys=True) for name in PARTS if name in state}

    def images(self) -> set[str]:
        return {re.findall(r'"image": "([^"]+)"', template)[0] for template in self.runs().values()}


@pytest.fixture
def region(tmp_path: Path) -> Region:
    """It runs IMAGE, its first release."""
    region = Region(tmp_path)
    assert region.deploy(IMAGE).code == 0
    return region


def left_alone(run: Run) -> list[str]:
    return [line.partition(":")[0] for line in run.output.splitlines() if "left alone" in line]


def test_it_goes_back_once_however_often_it_is_told(region: Region) -> None:
    before = region.runs()
    region.deploy(NEXT)
    assert region.images() == {NEXT}
    assert (region.back().code, region.runs()) == (0, before)
    again = region.back()
    assert (again.code, left_alone(again), region.runs()) == (0, list(PARTS), before)


@pytest.mark.parametrize("fails", ["rollout status .*deployment/worker", r"apply .* in \(web"])
def test_what_does_not_become_ready_goes_back_by_itself_and_stays_there(region: Region, fails: str) -> None:
    region.deploy(NEXT)
    before = region.runs()
    region.edit("web.yaml", "terminationGracePeriodSeconds: 150", "terminationGracePeriodSeconds: 151")
    assert (region.deploy(IMAGE, fails).code, region.runs()) == (1, before)
    assert (region.back().code, region.runs()) == (0, before)


def test_one_that_the_last_rollout_did_not_change_is_left_alone(region: Region) -> None:
    region.deploy(NEXT)
    before = region.runs()
    region.edit("web.yaml", "terminationGracePeriodSeconds: 150", "terminationGracePeriodSeconds: 151")
    region.deploy(NEXT)
    assert region.runs() != before
    assert (left_alone(region.back()), region.runs()) == (["worker", "beat"], before)


def test_deployed_once_more_the_way_back_stays_what_it_is(region: Region) -> None:
    before = region.runs()
    region.deploy(NEXT)
    assert region.deploy(NEXT).code == 0
    region.back()
    assert region.runs() == before


def test_after_it_went_back_the_same_release_may_come_and_go_again(region: Region) -> None:
    """The ReplicaSets keep what was noted the first time."""
    before = region.runs()
    for _ in range(2):
        region.deploy(NEXT)
        assert region.images() == {NEXT}
        region.back()
        assert region.runs() == before


def test_a_first_rollout_that_fails_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    run = Region(tmp_path).deploy(IMAGE, "rollout status .*deployment/worker")
    assert (run.code, left_alone(run)) == (1, list(PARTS))
    assert not [call for call in run.calls if "undo" in call]


def test_a_difference_that_cannot_be_told_changes_nothing(region: Region) -> None:
    before = region.runs()
    assert (region.deploy(NEXT, "diff ").code, region.runs()) == (2, before)


def test_a_part_that_is_new_stays_while_the_others_go_back(region: Region) -> None:
    state = region.folder / "state"
    live = json.loads(state.read_text())
    del live["beat"]
    state.write_text(json.dumps(live))
    region.deploy(NEXT)
    run = region.back()
    assert (run.code, left_alone(run)) == (0, ["beat"])


def test_one_that_cannot_go_back_keeps_no_other_from_it(region: Region) -> None:
    """And where the note was left though it is back, it goes no further."""
    before = region.runs()
    region.deploy(NEXT)
    assert (region.back("annotate deployment web").code, region.runs()) == (1, before)
    # Here the stand-in has removed the note all the same; a run that was broken off has not.
    state = region.folder / "state"
    live = json.loads(state.read_text())
    live["web"]["annotations"]["anb/revision-before"] = "1"
    state.write_text(json.dumps(live))
    again = region.back()
    assert (again.code, left_alone(again), region.runs()) == (1, ["worker", "beat"], before)
