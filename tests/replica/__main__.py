"""`make promote`: the main region dies under load, and the second is promoted.

What was acknowledged and replicated is there.
"""

import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx2
from rich.console import Console
from rich.table import Table

from anb.db import Database
from anb.voting import recount
from tests.prove import showing
from tests.prove.crowd import Crowd, clips
from tests.prove.journal import Journal
from tests.prove.looking import settle
from tests.prove.verdict import Truth
from tests.replica.promised import Promised, Witness
from tests.replica.regions import Region, promote, two_regions
from tests.watching import every

_ANSWERED = {"200", "201", "202", "204", "206", "404", "409"}


@dataclass(frozen=True)
class Loss:
    """Of what was acknowledged: how much of it, and what of that is not there."""

    what: str
    promised: int
    lost: tuple[str, ...]


def show(folder: Path, seed: int, seconds: float, console: Console) -> bool:
    journal = Journal()
    counts: list[Counter[str]] = []
    with two_regions(folder) as (first, second), tempfile.TemporaryDirectory() as scratch:
        films = clips(Path(scratch))
        console.print("Two regions serve; the second reads its replica and writes to the first.")
        with Crowd(second.plan.url, journal, seed + 1, films):
            witness = Witness(first, second, journal)
            with Crowd(first.plan.url, journal, seed, films), every(0.05, witness.look):
                time.sleep(seconds)
                counts.append(Counter(journal.answers))
                followed = second.log_at()
                died = time.monotonic()
                first.die()
            at_death = Promised.now(journal)
            pages = _pages_while_it_is_away(second)
            promote(second)
            console.print(f"Promoted and told {time.monotonic() - died:.1f} s after the blow.")
            counts.append(Counter(journal.answers))
            _until_a_vote_counts(journal, at_death)
            back_s = time.monotonic() - died
            time.sleep(seconds)
        counts.append(Counter(journal.answers))
        database = Database(second.plan.database_url.replace("postgresql://", "postgresql+psycopg://"))
        truth = settle(database, second.plan.media, second.plan.media / "scratch")
        differences = recount.recount(database, repair=False)
        database.dispose()
    losses = [
        *_losses("and replicated at the blow", witness.replicated, None, truth, journal),
        *_losses("in the last moment, not known to be replicated", at_death, witness.replicated, truth, journal),
        *_losses("after the promotion", Promised.now(journal), at_death, truth, journal),
    ]
    lag = f"{died - witness.replicated.moment:.2f} s, {max(0, witness.last_place - followed)} bytes of log"
    _print(console, counts, losses, lag, back_s)
    wrong = [*map(str, differences), *truth.unfinished(), *journal.surprises]
    for what in wrong:
        console.print(f"BROKEN {what}", markup=False, soft_wrap=True)
    kept = all(not loss.lost for loss in losses if "last moment" not in loss.what)
    return kept and not wrong and pages


def _pages_while_it_is_away(second: Region) -> bool:
    """Public pages still come, past all that is kept: each has another address."""
    with httpx2.Client(base_url=second.plan.url, timeout=20, trust_env=False) as http:
        return all(http.get(f"/api/public/rankings?page_size=20&n={n}").status_code == 200 for n in range(50))


def _until_a_vote_counts(journal: Journal, before: Promised) -> None:
    deadline = time.monotonic() + 60
    while len(journal.votes) <= len(before.votes):
        assert time.monotonic() < deadline, "no vote was acknowledged after the promotion"
        time.sleep(0.05)


def _losses(when: str, told: Promised, before: Promised | None, truth: Truth, journal: Journal) -> list[Loss]:
    nothing = frozenset[str]()
    uploads = told.uploads - (before.uploads if before else nothing) - journal.perhaps_deleted
    votes = told.votes - (before.votes if before else frozenset())
    accounts = told.accounts - (before.accounts if before else nothing)
    deleted = told.deleted - (before.deleted if before else nothing)
    emails = {player.email for player in truth.players.values()}
    return [
        Loss(f"uploads {when}", len(uploads), tuple(uploads - truth.videos.keys())),
        Loss(f"votes {when}", len(votes), tuple(map(str, votes - set(truth.votes)))),
        Loss(f"sign-ups {when}", len(accounts), tuple(accounts - emails)),
        Loss(f"deletions {when}", len(deleted), tuple(deleted & truth.videos.keys())),
    ]


def _print(console: Console, counts: list[Counter[str]], losses: list[Loss], lag: str, back_s: float) -> None:
    requests = Table("requests", "sent", "failed", title="Two regions, and the main one dies")
    before = Counter[str]()
    for when, until in zip(
        ("while both serve", "while the main one is away", "after the promotion"), counts, strict=True
    ):
        these = until - before
        failed = sum(times for name, times in these.items() if name not in _ANSWERED)
        requests.add_row(when, str(these.total()), str(failed))
        before = until
    console.print(requests)
    table = Table("acknowledged", "number", "lost")
    for loss in losses:
        table.add_row(loss.what, str(loss.promised), str(len(loss.lost)))
    console.print(table)
    console.print(f"Lag at the blow: {lag}. First vote acknowledged {back_s:.1f} s after it.")
    for loss in losses:
        for lost in loss.lost[:10]:
            console.print(f"LOST {loss.what}: {lost}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(showing.main("promote", str(__doc__), 20, "before the blow, and after the promotion", show))
