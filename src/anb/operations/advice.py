"""Which triggers for growing fire, and since when: their table held against the samples of the web servers. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from anb.operations.triggers import TRIGGERS, Limit, Measure, Trigger

_MISSED = 2
"""Intervals that may be missing in a row before what was going on is taken for over."""


class Sample(Protocol):
    """What `history.models.Sample` keeps, of one host and one interval."""

    @property
    def at(self) -> datetime: ...
    @property
    def web_cpu(self) -> float | None: ...
    @property
    def answer_p95_s(self) -> float | None: ...
    @property
    def people(self) -> int: ...
    @property
    def pending(self) -> int: ...


@dataclass(frozen=True)
class Finding:
    trigger: Trigger
    limit: Limit
    now: float | None
    """None: nothing was seen of late."""
    since: datetime | None
    """When the measure last went above its limit; None: it is not above it."""
    fires: bool


def findings(
    samples: Sequence[Sample], made: Mapping[Measure, int], now: datetime, minute: timedelta
) -> tuple[Finding, ...]:
    """Oldest sample first. `minute` is the interval of the samples, in which each trigger's time is counted."""
    seen = {measure: list(_series(samples, measure)) for measure in _FROM_SAMPLES}
    found = []
    for trigger in TRIGGERS:
        if not isinstance(trigger.when, Limit) or not trigger.phase:
            continue
        if trigger.when.measure in _FROM_SAMPLES:
            found.append(_lasting(trigger, trigger.when, seen[trigger.when.measure], now, minute))
        else:
            known = dict(made) | ({Measure.DOWN_MINUTES: down(samples, now, minute)} if samples else {})
            value = known.get(trigger.when.measure)
            above = value is not None and value > trigger.when.above
            found.append(Finding(trigger, trigger.when, value, now if above else None, above))
    return tuple(found)


def down(samples: Sequence[Sample], now: datetime, minute: timedelta) -> int:
    """Intervals since the first sample in which no web server kept one."""
    return max(0, round((now - samples[0].at) / minute) - len({sample.at for sample in samples}))


def most_people(samples: Sequence[Sample]) -> int:
    """At once, on all web servers together: the upper bound that `_series` draws."""
    return int(max((people for _, people in _series(samples, Measure.PEOPLE)), default=0))


def decided_by_people() -> tuple[Trigger, ...]:
    return tuple(trigger for trigger in TRIGGERS if not trigger.expression)


def _lasting(
    trigger: Trigger, limit: Limit, series: Sequence[tuple[datetime, float]], now: datetime, minute: timedelta
) -> Finding:
    """`for:` of Prometheus: above the limit in each interval, without a gap, up to now."""
    patience = (_MISSED + 1) * minute
    if not series or now - series[-1][0] > patience:
        return Finding(trigger, limit, None, None, fires=False)
    since, later = None, now
    for at, value in reversed(series):
        if value <= limit.above or later - at > patience:
            break
        since = later = at
    fires = since is not None and now - since >= trigger.lasting_minutes * minute
    return Finding(trigger, limit, series[-1][1], since, fires)


def _series(samples: Iterable[Sample], measure: Measure) -> Iterable[tuple[datetime, float]]:
    """One value an interval: people of all hosts together, else of the host that is worst off.

    Each host counts for itself and keeps no names, so somebody who asked two of them is counted twice.
    """
    by_time: dict[datetime, list[float]] = defaultdict(list)
    for sample in samples:
        value = _FROM_SAMPLES[measure](sample)
        if value is not None:
            by_time[sample.at].append(value)
    add_up = sum if measure is Measure.PEOPLE else max
    return ((at, add_up(values)) for at, values in by_time.items())


_FROM_SAMPLES = {
    Measure.WEB_CPU: lambda sample: sample.web_cpu,
    Measure.QUEUE: lambda sample: sample.pending,
    Measure.PEOPLE: lambda sample: sample.people,
    Measure.ANSWER_P95: lambda sample: sample.answer_p95_s,
}
