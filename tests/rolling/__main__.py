"""`make roll`: release N serves, N+1 takes over under load, a migration between. No request fails, nothing is lost."""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx2
from deployment.stack.configuration import Plan, free_ports
from deployment.stack.roll import RollError, roll
from deployment.stack.servers import Stack
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from anb import __version__
from anb.db import Database
from tests.prove import showing
from tests.prove.arena import SETTINGS
from tests.prove.crowd import Crowd, clips
from tests.prove.journal import Journal
from tests.prove.looking import look_closely, settle
from tests.prove.verdict import Finding, judge
from tests.rolling.release import NEXT, ONCE, broken_release, next_release, release_that_starts_once

_GOOD = {"200", "201", "202", "204", "206"}
_TRUE = {"404", "409"}
"""Also answers: to a video that was deleted a moment ago, to a vote that was cast before."""


def show(folder: Path, seed: int, seconds: float, console: Console) -> bool:
    started = time.monotonic()

    def say(what: str) -> None:
        console.print(f"{time.monotonic() - started:6.1f} s  {what} ({journal.answers.total()} answers)")

    journal = Journal()
    plan = Plan(folder / "data", free_ports(), keeps_port=True)
    with Stack(plan, SETTINGS) as stack, tempfile.TemporaryDirectory() as scratch:
        with Crowd(plan.url, journal, seed, clips(Path(scratch))):
            time.sleep(seconds)
            say(f"Release {__version__} serves; one that cannot start is tried, and one that can only once.")
            tried = {
                "the next release ended at its start": (broken_release(folder), "broken"),
                "web ended at its start": (release_that_starts_once(folder), ONCE),
            }
            refused = [_is_refused(stack, *release, reason, say) for reason, release in tried.items()]
            time.sleep(seconds / 3)
            roll(stack, next_release(folder), NEXT, say)
            time.sleep(seconds)
            say("The load ends.")
        database = Database(plan.database_url.replace("postgresql://", "postgresql+psycopg://"))
        truth = settle(database, plan.media, plan.media / "scratch")
        findings = list(judge(journal, truth, look_closely(truth, plan.media, plan.url)))
        written = _written_by(database)
        database.dispose()
    failed = Counter({name: times for name, times in journal.answers.items() if name not in _GOOD | _TRUE})
    lost = sum(len(finding.broken) for finding in findings)
    _print(console, journal, failed, findings, written)
    return all(refused) and not failed and not lost and min(written) > 0


def _is_refused(stack: Stack, release: dict[str, str], version: str, reason: str, say: Callable[[str], None]) -> bool:
    """For the reason that it was given, and afterwards the old one serves and nothing else."""
    before = stack.plan.read_settings()
    try:
        roll(stack, release, version, say)
    except RollError as refusal:
        say(f"Refused: {refusal}.")
        serves = {httpx2.get(f"{stack.plan.url}/health", trust_env=False).json()["version"] for _ in range(20)}
        left = (stack.pid("web_next"), stack.plan.read_settings(), serves)
        return str(refusal) == reason and left == (None, before, {__version__})
    return False


def _written_by(database: Database) -> tuple[int, int]:
    """Videos that the old release wrote, and the next one, which alone fills the new column."""
    with database.read() as session:
        new = session.execute(text("SELECT count(court), count(*) FROM videos")).one()
    return int(new[1] - new[0]), int(new[0])


def _print(
    console: Console, journal: Journal, failed: Counter[str], findings: list[Finding], written: tuple[int, int]
) -> None:
    table = Table("what", "number", title=f"{__version__} → {NEXT}, under load")
    rows = [
        ("requests sent", journal.answers.total()),
        ("requests failed (refused, cut, 429, 5xx)", failed.total()),
        ("uploads acknowledged, one shot and in pieces", len(journal.uploads)),
        ("votes acknowledged", len(journal.votes)),
        ("lost, doubled or stuck", sum(len(finding.broken) for finding in findings)),
        ("videos written by the old release", written[0]),
        ("videos written by the next release", written[1]),
    ]
    for what, number in rows:
        table.add_row(what, str(number))
    console.print(table)
    console.print(f"Slowest answer {journal.slowest_s:.1f} s. Uploads: {dict(journal.ways)}. "
                  f"Answers: {dict(journal.answers.most_common())}", soft_wrap=True)  # fmt: skip
    for failure in journal.failures[:20]:
        console.print(f"FAILED {failure}", markup=False, soft_wrap=True)
    for finding in findings:
        for broken in finding.broken[:10]:
            console.print(f"BROKEN {finding.promise}: {broken}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(showing.main("roll", str(__doc__), 15, "before, between and after the steps", show))
