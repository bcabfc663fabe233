"""What CloudWatch's agent does on each kind of host: `python -m infra.agent` writes it into deployment/cloudwatch."""

import json
from pathlib import Path
from typing import Any

from infra.stacks.measures import APPLICATION, HOSTS, LABELS, ROLES

FOLDER = Path(__file__).parents[1] / "deployment/cloudwatch"
_TARGETS = {"web": ["127.0.0.1:8000"], "worker": ["127.0.0.1:9101", "127.0.0.1:9102"]}
"""At 9102 the beat, on the host that has it."""


def files() -> dict[str, str]:
    """By name."""
    agents = {f"{role}.json": json.dumps(_agent(role), indent=2) + "\n" for role in ROLES}
    return agents | {f"{role}.yml": _scrape(role, targets) for role, targets in _TARGETS.items()}


def _agent(role: str) -> dict[str, Any]:
    mine = {"append_dimensions": {"Role": role}}
    disks = ["/", "/shared/media"] if role == "fileserver" else ["/"]
    metrics = {
        "namespace": HOSTS,
        "append_dimensions": {"InstanceId": "${aws:InstanceId}", "AutoScalingGroupName": "${aws:AutoScalingGroupName}"},
        "aggregation_dimensions": [["Role"], ["AutoScalingGroupName"]],
        "metrics_collected": {
            "mem": {"measurement": ["mem_used_percent", "mem_available_percent"], **mine},
            "disk": {"measurement": ["disk_used_percent"], "resources": disks, "drop_device": True, **mine},
        },
    }
    stream = {"log_group_name": f"/anb/{role}", "log_stream_name": "{instance_id}"}
    kept = [{"file_path": "/var/log/anb/app.log", **stream}] if role in _TARGETS else []
    setup = {
        "file_path": "/var/log/anb-setup.log",
        "log_group_name": f"/anb/{role}",
        "log_stream_name": "{instance_id}-setup",
    }
    logs: dict[str, Any] = {"logs_collected": {"files": {"collect_list": [*kept, setup]}}}
    if role in _TARGETS:
        logs["metrics_collected"] = {"prometheus": _prometheus(role)}
    return {"agent": {"metrics_collection_interval": 60, "run_as_user": "cwagent"}, "metrics": metrics, "logs": logs}


def _prometheus(role: str) -> dict[str, Any]:
    declared = [
        {
            "source_labels": ["job"],
            "label_matcher": f"^anb-{role}$",
            "dimensions": [["job", *labels]],
            "metric_selectors": [f"^{name}$"],
        }
        for name, labels in LABELS.items()
    ]
    return {
        "prometheus_config_path": "/opt/aws/amazon-cloudwatch-agent/etc/prometheus.yml",
        "log_group_name": f"/anb/{role}",
        "emf_processor": {"metric_namespace": APPLICATION, "metric_declaration": declared},
    }


def _scrape(role: str, targets: list[str]) -> str:
    return f"""\
# Made by `python -m infra.agent`. Do not edit here.
global:
  scrape_interval: 1m
scrape_configs:
  - job_name: anb-{role}
    static_configs:
      - targets: {json.dumps(targets)}
    metric_relabel_configs:
      - source_labels: [status]
        regex: (.)..
        target_label: class
        replacement: ${{1}}xx
"""


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text)
