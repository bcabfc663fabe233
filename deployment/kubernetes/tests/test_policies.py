"""checkov's rules for Kubernetes, but for those that are answered here."""

import json
import subprocess

from conftest import TOOLS, Cluster

ACCEPTED = {
    ("CKV_K8S_43", "*"): "the tag here is for reading; deployment/delivery/rollout.sh puts the signed image's digest",
    ("CKV_K8S_15", "*"): "a digest is always the same image",
    ("CKV_K8S_35", "*"): "settings are read from the environment, once; a worker's FFmpeg is given none of it",
}


def test_no_finding_without_an_answer(cluster: Cluster) -> None:
    command = ["checkov", "-f", cluster.file, "--framework", "kubernetes", "--skip-download", "-o", "json"]
    run = subprocess.run([TOOLS / command[0], *command[1:]], check=False, capture_output=True, text=True, timeout=240)
    report = json.loads(run.stdout)
    assert report["summary"]["passed"] > 250, report["summary"]
    found = {(one["check_id"], one["resource"].rpartition(".")[2]) for one in report["results"]["failed_checks"]}
    answered = {(rule, name) for rule, name in found if (rule, "*") in ACCEPTED or (rule, name) in ACCEPTED}
    assert found - answered == set()
    assert {rule for rule, _ in ACCEPTED} == {rule for rule, _ in answered}, "an answer to no finding"
