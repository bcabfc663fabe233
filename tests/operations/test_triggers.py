"""One table of triggers; what is made of it asks only for what the code tells."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from anb.operations.rules import rendered
from anb.operations.triggers import MACHINE_S_FAULTS, TRIGGERS, Trigger
from anb.processing.failures import FailureCode

DEPLOYMENT = Path(__file__).parents[2] / "deployment"
DASHBOARD = (DEPLOYMENT / "grafana" / "anb.json").read_text()
NODE_EXPORTER = {
    "node_cpu_seconds_total",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
}


@pytest.fixture
def told(client: TestClient) -> set[str]:
    """Every name of a sample that /metrics may have."""
    families = [*REGISTRY.collect(), *text_string_to_metric_families(client.get("/metrics").text)]
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {family.name + suffix for family in families for suffix in suffixes.get(family.type, ("",))}


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD)["panels"]
    of_dashboard = [target["expr"] for panel in panels for target in panel["targets"]]
    return of_dashboard + [trigger.expression for trigger in TRIGGERS]


def test_the_committed_rules_are_those_of_the_table() -> None:
    assert (DEPLOYMENT / "prometheus" / "rules.yml").read_text() == rendered(), "run `make rules`"


def test_rules_and_dashboard_ask_only_for_what_is_told(told: set[str]) -> None:
    asked = {name for text in expressions() for name in re.findall(r"\b(?:anb|node)_\w+", text)}
    assert asked <= told | NODE_EXPORTER
    assert len(asked) > 20


@pytest.mark.parametrize("role", ["web", "worker"])
def test_cloudwatchs_agent_hands_on_only_what_is_told(told: set[str], role: str) -> None:
    agent = json.loads((DEPLOYMENT / "cloudwatch" / f"{role}.json").read_text())
    declared = agent["logs"]["metrics_collected"]["prometheus"]["emf_processor"]["metric_declaration"]
    handed_on = {name.strip("^$") for one in declared for name in one["metric_selectors"]}
    assert handed_on <= told
    assert len(handed_on) > 5


@pytest.mark.parametrize("file", ["prometheus/prometheus.yml", "cloudwatch/web.yml"])
def test_the_hosts_web_server_is_asked_where_gunicorn_listens(file: str) -> None:
    unit = (DEPLOYMENT / "systemd/fastapi.socket").read_text()
    jobs = {one["job_name"]: one for one in yaml.safe_load((DEPLOYMENT / file).read_text())["scrape_configs"]}
    (of_the_web,) = jobs["anb-web"]["static_configs"]
    assert of_the_web["targets"] == re.findall(r"^ListenStream=(.+)$", unit, re.MULTILINE)


@pytest.mark.parametrize("code", MACHINE_S_FAULTS)
def test_a_fault_of_the_machine_is_tried_again(code: str) -> None:
    assert not FailureCode(code).permanent


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.name)
def test_a_trigger_says_which_phase_is_due_and_what_to_do(trigger: Trigger) -> None:
    assert trigger.text.startswith(f"phase {trigger.phase} is due: ") == (trigger.phase > 0)
    assert trigger.hint
    assert bool(trigger.expression) == bool(trigger.lasting)


def test_each_trigger_with_a_number_is_tested_by_promtool() -> None:
    tests = (DEPLOYMENT / "prometheus" / "rules_test.yml").read_text()
    for trigger in TRIGGERS:
        assert not trigger.expression or f'alertname="{trigger.name}", alertstate="firing"' in tests
