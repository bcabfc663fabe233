"""CloudWatch's alarms against the table of triggers, and what they look at against what hosts send."""

import operator
from typing import Any

import pytest

from anb.operations.triggers import TRIGGERS, Limit
from infra import agent
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
        says = "the site does not answer when it is asked from outside" if name == "ServerAway" else trigger.text
        assert alarm["AlarmDescription"] == f"{says}. {trigger.advice}"
        period = next(one["MetricStat"]["Period"] for one in alarm["Metrics"] if "MetricStat" in one)
        asked_s = trigger.lasting_minutes * 60
        assert alarm["EvaluationPeriods"] * period == max(asked_s, period), name
        assert alarm["EvaluationPeriods"] * period <= 7 * 86400, "CloudWatch looks back no further"


_FIRES = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_NOW = 10_000
_MATH: dict[str, Any] = {
    "FILL": lambda value, instead: instead if value is None else value,
    "IF": lambda holds, one, other: one if holds else other,
    "EPOCH": lambda _: _NOW,
    "MAX": max,
    "MIN": min,
}
"""CloudWatch's metric math, as far as the alarms go, in Python's grammar."""
_CALM = dict.fromkeys(("disk_full", "engine_missing", "source_missing", "internal"))
_ANSWERS = {"s1": 0, "s2": 99, "s3": 0, "s4": 0, "s5": 1}
_POOLS = {"lent_web": 9, "all_web": 10, "lent_worker": 1, "all_worker": 10}
_DISKS = {"web": 90, "worker": 50, "fileserver": 50}
_MEMORY = {"web": 10, "worker": 50, "fileserver": 50}


@pytest.mark.parametrize(
    ("name", "calm", "fires"),
    [
        ("WebServerBusy", {"web1": 70}, {"web1": 70.1}),
        ("QueueLong", {"waiting": 20}, {"waiting": 21}),
        ("ManyPeople", {"people": 400}, {"people": 401}),
        ("VeryManyPeople", {"people": 1250}, {"people": 1251}),
        ("SlowAnswers", {"ms": 500}, {"ms": 501}),
        ("DownTooLong", {"up": 1 - 60 / 10080}, {"up": 1 - 61 / 10080}),
        ("ManyVideosADay", {"made": 500}, {"made": 501}),
        ("ManyVideosAMonth", {"made": 2333}, {"made": 2334}),
        ("ServerAway", {"reached": 1}, {"reached": 0}),
        ("DatabaseAway", {"up": 1}, {"up": 0}),
        ("NobodyProcesses", {"processing": 1, "oldest": 900}, {"processing": 0, "oldest": 301}),
        ("NobodyProcesses", {"processing": 0, "oldest": 300}, {"processing": 0, "oldest": 301}),
        ("WorkerSilent", {"beat": _NOW - 600}, {"beat": _NOW - 601}),
        *(("MachineFailsVideos", _CALM, {**_CALM, code: 1}) for code in _CALM),
        ("ServerErrors", _ANSWERS, {**_ANSWERS, "s2": 98, "s5": 2}),
        ("ServerErrors", {**_ANSWERS, "s4": 50, "s5": None}, {**_ANSWERS, "s1": None, "s5": 2}),
        ("PoolExhausted", _POOLS, {**_POOLS, "lent_worker": 10}),
        ("DiskFilling", _DISKS, {**_DISKS, "fileserver": 90.1}),
        ("MemoryShort", _MEMORY, {**_MEMORY, "worker": 9.9}),
    ],
)
def test_an_alarm_fires_beyond_the_tables_limit_and_not_at_it(
    name: str, calm: dict[str, float | None], fires: dict[str, float | None]
) -> None:
    alarm = _alarms(0)[name]
    assert {one["Id"] for one in alarm["Metrics"] if "MetricStat" in one} == set(calm) == set(fires)
    (answer,) = (one["Expression"] for one in alarm["Metrics"] if "Expression" in one)
    for seen, wanted in ((calm, False), (fires, True)):
        value = eval(answer, {"__builtins__": {}, **_MATH}, seen)  # our own template
        assert _FIRES[alarm["ComparisonOperator"]](round(value, 9), alarm["Threshold"]) is wanted, (seen, value)


@pytest.mark.parametrize(
    ("name", "dimensions"),
    [
        ("MachineFailsVideos", {code: {"job": "anb-worker", "code": code} for code in _CALM}),
        ("ServerErrors", {f"s{n}": {"job": "anb-web", "class": f"{n}xx"} for n in range(1, 6)}),
        ("NobodyProcesses", {"processing": {"job": "anb-web", "state": "processing"}, "oldest": {"job": "anb-web"}}),
        ("DiskFilling", {role: {"Role": role} for role in ROLES}),
        ("ServerAway", {"reached": {"HealthCheckId": {"Ref": "Reached"}}}),
    ],
)
def test_an_alarm_looks_at_what_it_names(name: str, dimensions: dict[str, dict[str, Any]]) -> None:
    seen = {
        one["Id"]: {pair["Name"]: pair["Value"] for pair in one["MetricStat"]["Metric"]["Dimensions"]}
        for one in _alarms(0)[name]["Metrics"]
        if "MetricStat" in one
    }
    assert seen == dimensions


@pytest.mark.parametrize("phase", PHASES)
def test_the_site_is_asked_for_its_health(phase: int) -> None:
    (check,) = made(phase).resources("AWS::Route53::HealthCheck").values()
    assert check["Properties"]["HealthCheckConfig"]["ResourcePath"] == "/health"


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_that_is_ahead_has_one_alarm_that_says_it_is_due(phase: int) -> None:
    due = {one["Properties"]["AlarmName"]: one["Properties"] for one in
           made(phase).resources("AWS::CloudWatch::CompositeAlarm").values()}  # fmt: skip
    assert set(due) == {f"anb-phase-{ahead}-is-due" for ahead in PHASES[phase + 1 :]}
    for ahead in PHASES[phase + 1 :]:
        one = due[f"anb-phase-{ahead}-is-due"]
        assert one["AlarmDescription"].startswith(f"phase {ahead} is due: ")
        watched = {t.name for t in TRIGGERS if t.phase == ahead and isinstance(t.when, Limit)}
        assert set(one["AlarmRule"].replace('ALARM("anb-', "").replace('")', "").split(" OR ")) == watched


@pytest.mark.parametrize(("phase", "usd"), [(0, 422), (1, 1388), (2, 3578), (3, 17261)])
def test_who_is_told_of_alarms_is_told_when_the_month_will_cost_more_than_was_planned(phase: int, usd: int) -> None:
    """By `anb plan`: "The document's rows", with their traffic."""
    told = made(phase).properties("Budget")
    assert told["Budget"] == {
        "BudgetLimit": {"Amount": usd, "Unit": "USD"}, "BudgetType": "COST", "TimeUnit": "MONTHLY"
    }  # fmt: skip
    (sent,) = told["NotificationsWithSubscribers"]
    assert sent["Notification"]["NotificationType"] == "FORECASTED"
    assert sent["Subscribers"] == [{"Address": {"Ref": "AlarmsTo"}, "SubscriptionType": "EMAIL"}]


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


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("phase", _ON_HOSTS)
def test_logs_end(role: str, phase: int) -> None:
    kept = {one["Properties"]["LogGroupName"]: one["Properties"]["RetentionInDays"]
            for one in made(phase).resources("AWS::Logs::LogGroup").values()}  # fmt: skip
    assert kept[f"/anb/{role}"] == made(phase).profile.log_days
