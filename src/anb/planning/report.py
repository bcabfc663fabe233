"""A plan as text for people and as JSON for programs. Pure."""

from collections.abc import Sequence
from typing import Any

from anb.planning import capacity, choose, costs
from anb.planning.choose import Load, Option
from anb.planning.phases import PHASES, Phase


def as_json(load: Load, found: Sequence[Option]) -> dict[str, Any]:
    best = choose.cheapest(found)
    return {
        "load": vars(load),
        "prices_as_of": costs.prices()["as_of"],
        "chosen": best.phase.number if best else None,
        "phases": [_option(option) for option in found],
    }


def _option(option: Option) -> dict[str, Any]:
    most, claim = choose.carries(option.phase), option.phase.claim
    return {
        "phase": option.phase.number,
        "size": {**vars(option.size), "database": option.phase.database},
        "falls_short": list(option.short),
        "usd_a_month": round(option.usd, 2),
        "usd_a_month_without_use": round(option.hosts_usd, 2),
        "lines": [{"what": line.what, "usd": round(line.usd, 2), "by_use": line.by_use} for line in option.lines],
        "carries": {"users": most.users, "videos_per_hour": most.videos_per_hour,
                    "availability": round(most.availability, 3)},
        "document": {"users": claim.users, "videos_per_hour": claim.videos_per_hour,
                     "availability": claim.availability, "usd_a_month": claim.monthly_usd,
                     "holds": claims_that_fail(option.phase) == ()},
    }  # fmt: skip


def claims_that_fail(phase: Phase) -> tuple[str, ...]:
    """Where the document's row does not hold, by this model. Its costs are without what people watch and upload."""
    most, claim = choose.carries(phase), phase.claim
    found = []
    if most.users < claim.users:
        by = choose.users_by(phase)
        found.append(f"{claim.users} users: {most.users} by the {min(by, key=by.__getitem__)} of its hosts")
    if most.videos_per_hour < claim.videos_per_hour:
        found.append(f"{claim.videos_per_hour} videos an hour: {most.videos_per_hour} by its CPUs")
    if most.availability < claim.availability:
        found.append(f"{claim.availability} % up: {most.availability:.2f} % by AWS' promises")
    at_claim = Load(claim.users, claim.videos_per_hour, claim.availability)
    priced = choose.sized(phase, at_claim)
    if priced.hosts_usd > claim.monthly_usd * _NEAR:
        found.append(f"${claim.monthly_usd} a month: ${priced.hosts_usd:,.0f}, and ${priced.usd:,.0f} with its traffic")
    elif priced.usd > claim.monthly_usd * _NEAR:
        found.append(f"${claim.monthly_usd} a month: ${priced.usd:,.0f} with its traffic, which it leaves out")
    return tuple(found)


_NEAR = 1.1
"""The document rounds ("$50-80/mes")."""


def as_text(load: Load, found: Sequence[Option]) -> str:
    best = choose.cheapest(found)
    asked = f"{load.users} users at once, {load.videos_per_hour} videos an hour"
    asked += f", {load.availability:g} % up" if load.availability else ""
    parts = [f"For {asked}:", "", _table(found, best), ""]
    if best is None:
        parts.append(_nearest(load, found))
    else:
        parts += _chosen(best)
        if best.phase.second_region and load.availability:
            parts += ["", _FOR_READERS]
    parts += ["", "The document's rows, each at its own load, and where they do not hold by this model:"]
    for phase in PHASES:
        parts.append(f"  phase {phase.number}: " + ("; ".join(claims_that_fail(phase)) or "holds"))
    return "\n".join([*parts, "", _assumed()])


_FOR_READERS = (
    "Two regions are up that long for who reads. Who votes or uploads waits for a promotion, by hand,\n"
    "when the main one is lost: docs/howto/region-lost.md."
)


def _nearest(load: Load, found: Sequence[Option]) -> str:
    promised = max(choose.carries(option.phase).availability for option in found)
    if load.availability > promised:
        return f"No phase carries this: AWS' own promises multiply to {promised:.3f} % at most. Ask for no more."
    return "No phase carries this. The nearest is phase 3 with larger hosts; see src/anb/planning/phases.py."


def _table(found: Sequence[Option], best: Option | None) -> str:
    rows = [("phase", "web", "workers", "files", "database", "$ hosts", "$ with use", "$ document", "carries it")]
    for option in found:
        size, phase = option.size, option.phase
        copies = " x 2" if phase.database_copies > 1 else ""
        rows.append((
            f"{'>' if option is best else ' '} {phase.number}", str(size.web), str(size.workers),
            size.file_server or "S3", phase.database + copies, f"{option.hosts_usd:,.0f}", f"{option.usd:,.0f}",
            str(phase.claim.monthly_usd), "; ".join(option.short) or "yes",
        ))  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )


def _chosen(best: Option) -> list[str]:
    """Its bill, dearest first."""
    lines = sorted(best.lines, key=lambda line: -line.usd)
    width = max(len(line.what) for line in lines)
    bill = [f"  {line.what.ljust(width)}  {line.usd:8,.2f}{'  by use' if line.by_use else ''}" for line in lines]
    return [f"Cheapest: phase {best.phase.number}, {best.phase.name}, ${best.usd:,.0f} a month:", *bill]


def _assumed() -> str:
    return (
        f"US dollars a month, list prices as of {costs.prices()['as_of']} (src/anb/planning/prices.toml). Assumed: a "
        f"user\nasks for a page each {1 / capacity.REQUESTS_PER_USER_S:g} s, {capacity.WATCHING:.0%} watch at a time "
        f"at {capacity.VIDEO_MBIT_S:g} Mbit/s, the month's mean is a {capacity.BUSY_TO_MEAN}th\n"
        "of the busiest hour. All in src/anb/planning/capacity.py, each with its source."
    )
