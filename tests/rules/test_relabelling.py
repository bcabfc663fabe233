"""What our relabelling makes of pods and samples, by promtool's own word (`make rules`)."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOYMENT = ROOT / "deployment"

Labels = dict[str, str]


def relabelled(folder: Path, job: str, steps: list[dict[str, str]], found: dict[str, Labels]) -> dict[str, Labels]:
    """What each target is left with: nothing, when it is not asked.

    Debian's promtool knows no clusters, so what a cluster would tell is handed to it as written down.
    """
    groups = [{"targets": [one["__address__"]], "labels": _besides(one, name)} for name, one in found.items()]
    file = folder / "prometheus.yml"
    config = {"scrape_configs": [{"job_name": job, "static_configs": groups, "relabel_configs": steps}]}
    file.write_text(yaml.safe_dump(config))
    command = [str(ROOT / ".ci/promtool"), "check", "service-discovery", "--timeout=2s"]  # it waits that long
    told = subprocess.run([*command, str(file), job], check=True, capture_output=True, text=True, timeout=60)
    made = json.loads(told.stdout)  # in any order
    assert len(made) == len(found)
    return {one["discoveredLabels"]["__meta_named"]: _without_intervals(one["labels"]) for one in made}


def _besides(labels: Labels, name: str) -> Labels:
    return {label: value for label, value in labels.items() if label != "__address__"} | {"__meta_named": name}


def _without_intervals(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if not name.startswith("__scrape_")}


def _only_job(file: str) -> dict[str, Any]:
    (only,) = yaml.safe_load((DEPLOYMENT / file).read_text())["scrape_configs"]
    found: dict[str, Any] = only
    return found


def _pod(workload: str, phase: str) -> Labels:
    """As Kubernetes' list of pods shows one of our manifests."""
    manifest, *_ = yaml.safe_load_all((DEPLOYMENT / f"kubernetes/base/{workload}.yaml").read_text())
    template = manifest["spec"]["template"]
    (container,) = template["spec"]["containers"]
    ports = [f":{port['containerPort']}" for port in container.get("ports", [])]
    labels, notes = template["metadata"]["labels"], template["metadata"].get("annotations", {})
    return {
        "__address__": "10.0.0.7" + "".join(ports),
        "__meta_kubernetes_pod_name": f"{workload}-of-{phase}",
        "__meta_kubernetes_pod_phase": phase,
        **{f"__meta_kubernetes_pod_label_{_plain(name)}": value for name, value in labels.items()},
        **{f"__meta_kubernetes_pod_annotation_{_plain(name)}": value for name, value in notes.items()},
    }


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)


def test_pods_that_serve_are_asked_at_their_port_under_the_names_that_the_rules_know(tmp_path: Path) -> None:
    where = {"web": "10.0.0.7:8000", "worker": "10.0.0.7:9101", "beat": "10.0.0.7:9102"}
    jobs = {"web": "anb-web", "worker": "anb-worker", "beat": "anb-worker"}
    phases = ("Pending", "Running", "Unknown", "Failed", "Succeeded")
    found = {f"{workload} {phase}": _pod(workload, phase) for workload in (*where, "migrate") for phase in phases}
    pods = _only_job("prometheus/kubernetes.yml")
    made = relabelled(tmp_path, pods["job_name"], pods["relabel_configs"], found)
    wanted = {
        f"{workload} {phase}": {
            "__address__": where[workload],
            "__metrics_path__": "/metrics",
            "__scheme__": "http",
            "job": jobs[workload],
            "instance": f"{workload}-of-{phase}",
        }
        for workload in where
        for phase in ("Pending", "Running", "Unknown")
    }
    assert {name: labels for name, labels in made.items() if labels} == wanted


@pytest.mark.parametrize("role", ["web", "worker"])
def test_cloudwatchs_agent_gives_a_sample_the_class_of_its_status(tmp_path: Path, role: str) -> None:
    """promtool runs a target's labels through the steps that are meant for a sample's; `$1xx` would be group "1xx"."""
    host = _only_job(f"cloudwatch/{role}.yml")
    here = {"__address__": "127.0.0.1:8000"}
    found = {"no status": here, **{status: {**here, "status": status} for status in ("200", "404", "507")}}
    made = relabelled(tmp_path, host["job_name"], host["metric_relabel_configs"], found)
    classes = {name: labels["class"] for name, labels in made.items() if "class" in labels}
    assert classes == {"200": "2xx", "404": "4xx", "507": "5xx"}
