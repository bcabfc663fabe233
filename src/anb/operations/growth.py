"""Whether it is time for the next phase, in words: what fires, since when, what to do, what it costs."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from anb.db import Database, now
from anb.history import repository as history
from anb.operations import advice
from anb.operations.advice import Finding
from anb.operations.recorder import KEPT_INTERVALS
from anb.operations.triggers import Measure
from anb.planning import choose
from anb.planning.choose import Load, Option
from anb.planning.phases import PHASES
from anb.videos import repository as videos

_MONTH = timedelta(days=30)


def look(database: Database, every_s: float) -> tuple[tuple[Finding, ...], Load]:
    """What the triggers say, and the load that was seen: the most people at once, the videos of the busiest hour."""
    with database.read() as session:
        moment = now(session)
        samples = history.since(session, moment - min(_MONTH, timedelta(seconds=KEPT_INTERVALS * every_s)))
        published = videos.published_since(session, moment - _MONTH)
    made = {
        Measure.VIDEOS_A_DAY: sum(at > moment - timedelta(days=1) for at in published),
        Measure.VIDEOS_A_MONTH: len(published),
    }
    by_hour = Counter(at.replace(minute=0, second=0, microsecond=0) for at in published)
    busiest = max(by_hour.values(), default=0)
    found = advice.findings(samples, made, moment, timedelta(seconds=every_s))
    return found, Load(advice.most_people(samples) or 1, busiest or 1)


def as_json(found: Sequence[Finding], load: Load) -> dict[str, Any]:
    return {
        "load": {"users": load.users, "videos_per_hour": load.videos_per_hour},
        "triggers": [
            {
                "name": one.trigger.name,
                "phase": one.trigger.phase,
                "fires": one.fires,
                "says": one.trigger.text,
                "measure": one.limit.measure.value,
                "now": one.now,
                "above": one.limit.above,
                "since": one.since.isoformat() if one.since else None,
                "next": one.trigger.hint,
                "usd_a_month": round(_option(one.trigger.phase, load).hosts_usd, 2),
            }
            for one in found
        ],
        "decided_by_people": [trigger.text for trigger in advice.decided_by_people()],
    }


def as_text(found: Sequence[Finding], load: Load) -> str:
    parts = []
    for one in (one for one in found if one.fires):
        number = one.trigger.phase
        usd, before = (_option(phase, load).hosts_usd for phase in (number, number - 1))
        parts += [
            f"{one.trigger.text}, {_since(one.since)}; now {_number(one.now)}",
            f"  next: {one.trigger.hint}",
            f"  costs: ${usd:,.0f} a month, phase {number - 1} ${before:,.0f}; see `anb plan`",
        ]
    if not parts:
        seen = any(one.now is not None for one in found if one.limit.measure is Measure.DOWN_MINUTES)
        parts.append("No trigger fires: stay with what there is." if seen else "No web server has kept a sample yet.")
    parts += ["", "Below their limits, or not for long enough:"]
    parts += [f"  {_quiet(one)}" for one in found if not one.fires]
    parts += ["", "Decided by people, not measured here:"]
    parts += [f"  phase {trigger.phase}, if {trigger.says}" for trigger in advice.decided_by_people()]
    parts += ["", "People are counted by each web server and added up: who asked two of them counts twice."]
    return "\n".join(parts)


def _quiet(one: Finding) -> str:
    seen = "nothing seen of late" if one.now is None else f"now {_number(one.now)}"
    above = f", above {_since(one.since)}, fires after {one.trigger.lasting}" if one.since else ""
    return f"{one.trigger.name}: {seen}, limit {one.limit.above:g} {one.limit.measure.value}{above}"


def _since(moment: datetime | None) -> str:
    return f"since {moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def _option(number: int, load: Load) -> Option:
    return choose.sized(PHASES[number], load)
