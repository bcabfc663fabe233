"""`make prove`: attack a running contest, then hold what is there against what its clients were told."""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from anb import logs
from anb.db import Database
from anb.settings import load_settings
from tests.prove.arena import Arena, EmbeddedArena, StackArena
from tests.prove.crowd import Crowd, clips
from tests.prove.journal import Journal
from tests.prove.looking import look_closely, settle
from tests.prove.plan import Blow, make_plan
from tests.prove.verdict import Finding, judge


@dataclass(frozen=True)
class Show:
    arena: Arena
    journal: Journal
    seed: int

    def attack(self, plan: Sequence[Blow], console: Console) -> Counter[str]:
        source = random.Random(self.seed)
        hits: Counter[str] = Counter()
        for number, blow in enumerate(plan, 1):
            time.sleep(blow.after_s)
            victim = blow.victim
            while not self.arena.strike(victim, source):  # nobody of that name at work now: another one dies
                victim = source.choice(self.arena.victims)
                time.sleep(0.1)
            hits[victim] += 1
            if number % 25 == 0:
                console.print(f"{number} of {len(plan)} kills; {len(self.journal.uploads)} uploads, "
                              f"{len(self.journal.votes)} votes acknowledged")  # fmt: skip
        return hits


def main() -> int:
    parser = argparse.ArgumentParser(prog="make prove", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, help="replays a plan; unset: a new one")
    parser.add_argument("--embedded", action="store_true", help="the one process of `anb up` instead of the stack")
    parser.add_argument("--keep", action="store_true", help="leave data and logs behind")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1_000_000)
    console = Console(highlight=False, width=120)
    logs.configure(load_settings(log_level="error"))
    folder = Path(tempfile.mkdtemp(prefix="anb-prove-"))
    folder.chmod(0o755)
    arena: Arena = EmbeddedArena(folder / "data") if arguments.embedded else StackArena(folder / "data")
    findings = prove(arena, seed, arguments.kills, console)
    if arguments.keep or any(finding.broken for finding in findings):
        console.print(f"Data and logs: {folder}")
    else:
        subprocess.run(["rm", "-rf", folder], check=True)
    return 1 if any(finding.broken for finding in findings) else 0


def prove(arena: Arena, seed: int, kills: int, console: Console) -> list[Finding]:
    console.print(f"Seed {seed}, {kills} kills among {', '.join(arena.victims)}.")
    started = time.monotonic()
    with arena, tempfile.TemporaryDirectory() as scratch:
        show = Show(arena, Journal(), seed)
        with Crowd(arena.url, show.journal, seed, clips(Path(scratch))):
            hits = show.attack(make_plan(seed, kills, arena.victims), console)
            attacked_s = time.monotonic() - started
        database = Database(arena.database_url.replace("postgresql://", "postgresql+psycopg://"))
        truth = settle(database, arena.media, arena.scratch)
        settled_s = time.monotonic() - started - attacked_s
        findings = list(judge(show.journal, truth, look_closely(truth, arena.media, arena.url)))
        database.dispose()
    _print(console, show.journal, hits, findings)
    console.print(
        f"Attacked for {attacked_s:.0f} s, settled {settled_s:.0f} s after the last kill. Replay: --seed {seed}"
    )
    return findings


def _print(console: Console, journal: Journal, hits: Counter[str], findings: Sequence[Finding]) -> None:
    table = Table("promise", "checked", "broken", title="What was promised, and what is there")
    for finding in findings:
        table.add_row(finding.promise, str(finding.checked), str(len(finding.broken)))
    console.print(table)
    killed = ", ".join(f"{name} {times}" for name, times in sorted(hits.items()))
    console.print(f"Killed: {killed}.", soft_wrap=True)
    ways = ", ".join(f"{way} {times}" for way, times in sorted(journal.ways.items()))
    console.print(f"Uploads: {ways}. Answers: {dict(journal.answers.most_common())}", soft_wrap=True)
    for finding in findings:
        for broken in finding.broken[:10]:
            console.print(f"BROKEN {finding.promise}: {broken}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
