"""CloudWatch's alarms against the table of triggers, and what they look at against what hosts send."""

from typing import Any

import pytest

from anb.operations.triggers import TRIGGERS, Limit
from infra import agent
from infra.stacks.alarms import limit_of
from infra.stacks.measures import APPLICATION, HOSTS, LABELS, REQUEST_MS, ROLES
from infra.tests.made import PHASES, made

_PEOPLE_DECIDE = {"ServiceLevel", "FarAway", "RegionMayFail", "WorthIt"}
_BY_NAME = {one.name: one for one in TRIGGERS}
_OF_RDS = {"DatabaseConnections", "DatabaseStorage", "DatabaseCpu"}
_ON_HOSTS = [phase for phase in PHASES if phase < 3]


def _alarms(phase: int) -> dict[str, dict[str, Any]]:
    return {name: one["Properties"] for name, one in made(phase).resources("AWS::CloudWatch::Alarm").items()}


@pytest.mark.parametrize("phase", _ON_HOSTS)
def test_each_trigger_that_can_still_matter_has_its_alarm(phase: int) -> None:
    wanted = {one.name for one in TRIGGERS if one.phase == 0 or one.phase > phase} - _PEOPLE_DECIDE
    assert set(_alarms(phase)) == wanted | _OF_RDS


@pytest.mark.parametrize("phase", PHASES)
def test_limit_duration_and_words_are_the_tables(phase: int) -> None:
    for name, alarm in _alarms(phase).items():
        if name in _OF_RDS:
            continue
        trigger = _BY_NAME[name]
        assert alarm["AlarmDescription"] == f"{trigger.text}. {trigger.advice}"
        assert alarm["Threshold"] == limit_of(trigger)[1], name
        period = next(one["MetricStat"]["Period"] for one in alarm["Metrics"] if "MetricStat" in one)
        asked_s = trigger.lasting_minutes * 60
        assert alarm["EvaluationPeriods"] * period == max(asked_s, period), name
        assert alarm["EvaluationPeriods"] * period <= 7 * 86400, "CloudWatch looks back no further"


@pytest.mark.parametrize(
    ("name", "comparison", "number"),
    [
        ("WebServerBusy", ">", 70),
        ("QueueLong", ">", 20),
        ("ManyPeople", ">", 80),
        ("SlowAnswers", ">", 0.5),
        ("ManyVideosADay", ">", 500),
        ("NobodyProcesses", ">", 300),
        ("WorkerSilent", ">", 600),
        ("DatabaseAway", "==", 0),
        ("DiskFilling", "<", 0.1),
    ],
)
def test_what_the_table_compares_with(name: str, comparison: str, number: float) -> None:
    assert limit_of(_BY_NAME[name]) == (comparison, number)


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_that_is_ahead_has_one_alarm_that_says_it_is_due(phase: int) -> None:
    due = {one["Properties"]["AlarmName"]: one["Properties"] for one in
           made(phase).resources("AWS::CloudWatch::CompositeAlarm").values()}  # fmt: skip
    assert set(due) == {f"anb-phase-{ahead}-is-due" for ahead in range(phase + 1, 4)}
    for ahead in range(phase + 1, 4):
        one = due[f"anb-phase-{ahead}-is-due"]
        assert one["AlarmDescription"].startswith(f"phase {ahead} is due: ")
        watched = {t.name for t in TRIGGERS if t.phase == ahead and isinstance(t.when, Limit)}
        assert set(one["AlarmRule"].replace('ALARM("anb-', "").replace('")', "").split(" OR ")) == watched


@pytest.mark.parametrize("phase", PHASES)
def test_every_alarm_tells_somebody(phase: int) -> None:
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    alarms = [one["Properties"] for kind in kinds for one in made(phase).resources(kind).values()]
    assert alarms
    assert all(one["AlarmActions"] == [{"Ref": "Alarms"}] for one in alarms)


@pytest.mark.parametrize("phase", PHASES)
def test_alarms_look_at_nothing_that_nobody_sends(phase: int) -> None:
    for name, alarm in _alarms(phase).items():
        for one in alarm.get("Metrics", []):
            metric = one.get("MetricStat", {}).get("Metric", {})
            labels = {pair["Name"]: pair["Value"] for pair in metric.get("Dimensions", [])}
            match metric.get("Namespace"):
                case namespace if namespace == APPLICATION and metric["MetricName"] == REQUEST_MS:
                    assert "RequestTimes" in made(phase).resources("AWS::Logs::MetricFilter"), name
                case namespace if namespace == APPLICATION:
                    assert set(labels) == {"job", *LABELS[metric["MetricName"]]}, name
                case namespace if namespace == HOSTS:
                    sent = agent.files()[f"{labels['Role']}.json"]
                    assert f'"{metric["MetricName"]}"' in sent, name


def test_the_agents_files_are_as_the_code_makes_them() -> None:
    assert {path.name: path.read_text() for path in agent.FOLDER.iterdir() if path.suffix != ".sh"} == agent.files()


def test_the_application_tells_every_metric_that_the_agent_hands_on() -> None:
    page = (agent.FOLDER.parents[1] / "docs/metrics.md").read_text()
    assert [name for name in LABELS if f"`{name}`" not in page] == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("phase", _ON_HOSTS)
def test_logs_end(role: str, phase: int) -> None:
    kept = {one["Properties"]["LogGroupName"]: one["Properties"]["RetentionInDays"]
            for one in made(phase).resources("AWS::Logs::LogGroup").values()}  # fmt: skip
    assert kept[f"/anb/{role}"] == made(phase).profile.log_days
