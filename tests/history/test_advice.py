"""Triggers held against samples: each fires after its time above its limit, and not before."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from anb.operations import advice, growth, host
from anb.operations.advice import Finding
from anb.operations.recorder import quantile
from anb.operations.triggers import TRIGGERS, Limit, Measure
from anb.planning.choose import Load

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Seen:
    at: datetime
    web_cpu: float | None = 5.0
    answer_p95_s: float | None = 0.02
    people: int = 3
    pending: int = 0


LOADED: dict[str, dict[str, Any]] = {
    "WebServerBusy": {"web_cpu": 71.0},
    "QueueLong": {"pending": 21},
    "ManyPeople": {"people": 81},
    "SlowAnswers": {"answer_p95_s": 0.51},
    "VeryManyPeople": {"people": 251},
}
AT_THE_LIMIT: dict[str, Any] = {"web_cpu": 70.0, "pending": 20, "people": 80, "answer_p95_s": 0.5}


def test_of_a_history_without_a_sample_nothing_is_claimed() -> None:
    found = advice.findings([], {}, NOW, MINUTE)
    assert {one.now for one in found} == {None}
    assert "No web server has kept a sample yet." in growth.as_text(found, Load(1, 1))


def of(name: str, samples: list[Seen], made: dict[Measure, int] | None = None) -> Finding:
    found = {one.trigger.name: one for one in advice.findings(samples, made or {}, NOW, MINUTE)}
    return found[name]


def minutes(count: int, **values: Any) -> list[Seen]:
    return [Seen(NOW - MINUTE * ago, **values) for ago in range(count, 0, -1)]


@pytest.mark.parametrize("name", LOADED)
def test_it_fires_after_its_time_and_says_since_when(name: str) -> None:
    lasting = next(trigger.lasting_minutes for trigger in TRIGGERS if trigger.name == name)
    quiet = [Seen(NOW - MINUTE * (lasting + ago)) for ago in range(20, 0, -1)]
    one = of(name, quiet + minutes(lasting, **LOADED[name]))
    assert one.fires
    assert one.since == NOW - MINUTE * lasting
    assert not of(name, quiet + minutes(lasting - 1, **LOADED[name])).fires


def test_at_the_limit_nothing_fires() -> None:
    assert not any(one.fires for one in advice.findings(minutes(100, **AT_THE_LIMIT), {}, NOW, MINUTE))


def test_every_measured_trigger_has_a_load_here() -> None:
    measured = {trigger.name for trigger in TRIGGERS if isinstance(trigger.when, Limit)}
    assert measured == LOADED.keys() | {"DownTooLong", "ManyVideosADay", "ManyVideosAMonth"}


def test_a_pause_begins_the_time_again() -> None:
    samples = minutes(40, pending=30)
    samples[30] = Seen(samples[30].at)
    assert not of("QueueLong", samples).fires
    assert of("QueueLong", samples).since == samples[31].at


@pytest.mark.parametrize(("missing", "fires"), [(2, True), (3, False)])
def test_a_few_missing_samples_are_no_pause(missing: int, fires: bool) -> None:
    samples = minutes(40, pending=30)
    del samples[20 : 20 + missing]
    assert of("QueueLong", samples).fires is fires


def test_an_old_sample_says_nothing_of_now() -> None:
    one = of("QueueLong", [Seen(NOW - MINUTE * ago, pending=30) for ago in range(60, 10, -1)])
    assert (one.now, one.fires) == (None, False)


def test_people_of_two_servers_add_up_and_the_busier_one_counts() -> None:
    idle, busy = minutes(60, people=41), minutes(60, people=41, web_cpu=80.0)
    both = [seen for pair in zip(idle, busy, strict=True) for seen in pair]
    assert of("ManyPeople", both).now == 82
    assert advice.most_people([*both, Seen(NOW, people=81)]) == 82
    assert advice.most_people([]) == 0
    assert of("WebServerBusy", both).fires


def test_what_nobody_asked_or_no_kernel_says_does_not_count() -> None:
    assert of("SlowAnswers", minutes(60, answer_p95_s=None)).now is None


@pytest.mark.parametrize(("away", "fires"), [(60, False), (61, True)])
def test_minutes_without_a_sample_were_without_service(away: int, fires: bool) -> None:
    one = of("DownTooLong", [Seen(NOW - MINUTE * 300), *minutes(299 - away)])
    assert (one.now, one.fires) == (away, fires)


@pytest.mark.parametrize(("made", "fires"), [(500, False), (501, True)])
def test_videos_a_day(made: int, fires: bool) -> None:
    assert of("ManyVideosADay", [], {Measure.VIDEOS_A_DAY: made}).fires is fires


INF = float("inf")


@pytest.mark.parametrize(
    ("counts", "p95"),
    [
        ({}, None),
        ({0.1: 0, INF: 0}, None),
        ({0.1: 100, 0.5: 100, INF: 100}, 0.095),
        ({0.1: 90, 0.5: 100, INF: 100}, 0.3),
        ({0.1: 0, 0.5: 0, INF: 10}, 0.5),
    ],
)
def test_quantile_as_promql_draws_it(counts: dict[float, float], p95: float | None) -> None:
    assert quantile(0.95, counts) == (p95 if p95 is None else pytest.approx(p95))


def test_cpu_is_what_was_not_idle_between_two_looks() -> None:
    before = host.parsed("cpu  100 0 100 700 100 0 0 0 50 0")
    after = host.parsed("cpu  150 0 110 720 120 0 0 0 90 0")
    assert host.busy_percent(before, after) == pytest.approx(60.0)
    assert host.busy_percent(before, before) is None
    assert host.busy_percent(None, after) is None
