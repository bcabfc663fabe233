"""`make prove`: attack a running contest, then hold what is there against what its clients were told."""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import OperationalError

from anb import logs
from anb.db import Database
from anb.processing.ffmpeg import find_ffmpeg
from anb.settings import load_settings
from tests.prove.arena import Arena, EmbeddedArena, StackArena
from tests.prove.clients import Person, StoppedError, Uploader, reading, uploading, voting
from tests.prove.journal import Journal
from tests.prove.plan import Blow, make_plan
from tests.prove.verdict import Finding, expected_files, judge, look, unfinished

_PATIENCE_S = 240.0
"""After the last blow: leases end, sweeps ring and clear up, and the queue is worked off."""


@dataclass(frozen=True)
class Show:
    arena: Arena
    journal: Journal
    over: threading.Event
    seed: int

    def crowd(self, clips: Sequence[bytes]) -> list[threading.Thread]:
        """Three who upload in one shot, two in pieces, three who vote, one who reads."""
        parts: list[Callable[[random.Random], None]] = [
            *[partial(self._upload, clips, way) for way in [Uploader.upload] * 3 + [Uploader.upload_in_pieces] * 2],
            *[self._vote] * 3,
            self._read,
        ]
        return [threading.Thread(target=self._play, args=(number, part)) for number, part in enumerate(parts)]

    def _upload(self, clips: Sequence[bytes], way: Callable[[Uploader, bytes], str], source: random.Random) -> None:
        uploading(Uploader(self.arena.url, self.journal, self.over, source), clips, way)

    def _vote(self, source: random.Random) -> None:
        while not self.over.is_set():
            person = Person(self.arena.url, self.journal, self.over, source)
            voting(person)
            person.close()

    def _read(self, source: random.Random) -> None:
        reading(Person(self.arena.url, self.journal, self.over, source))

    def _play(self, number: int, part: Callable[[random.Random], None]) -> None:
        try:
            part(random.Random(f"{self.seed}/{number}"))
        except StoppedError:
            pass
        except Exception as error:
            self.journal.surprise(f"client {number} broke: {error!r}")
            raise

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
        show = Show(arena, Journal(), threading.Event(), seed)
        crowd = show.crowd(_clips(Path(scratch)))
        for client in crowd:
            client.start()
        hits = show.attack(make_plan(seed, kills, arena.victims), console)
        attacked_s = time.monotonic() - started
        show.over.set()
        for client in crowd:
            client.join()
        database = Database(arena.database_url.replace("postgresql://", "postgresql+psycopg://"))
        stuck = _settle(arena, database)
        settled_s = time.monotonic() - started - attacked_s
        truth = look(database, arena.media, arena.scratch)
        findings = [*judge(show.journal, truth, database, arena.media), stuck]
        database.dispose()
    _print(console, show.journal, hits, findings)
    console.print(
        f"Attacked for {attacked_s:.0f} s, settled {settled_s:.0f} s after the last kill. Replay: --seed {seed}"
    )
    return findings


def _settle(arena: Arena, database: Database) -> Finding:
    """Everything finished, and everything swept; or what is left when patience ends."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            left = unfinished(database)
            truth = look(database, arena.media, arena.scratch)
        except OperationalError:  # it still recovers from the last blow
            if time.monotonic() > deadline:
                raise
        else:
            clean = truth.files == expected_files(truth) and not truth.strays
            if (clean and not left) or time.monotonic() > deadline:
                return Finding("nothing is stuck", len(truth.videos), tuple(left))
        time.sleep(1)


def _clips(folder: Path) -> list[bytes]:
    """Seconds of a test picture with a tone: landscape, on its side, silent."""
    clips = []
    for number, (size, seconds, sound) in enumerate(
        [("320x180", 3, True), ("240x426", 6, True), ("640x360", 2, False)]
    ):
        path = folder / f"{number}.mp4"
        picture = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=30:duration={seconds}"]
        tone = ["-f", "lavfi", "-i", f"sine=duration={seconds}", "-c:a", "aac"] if sound else []
        coding = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", str(path)]
        subprocess.run([find_ffmpeg(), "-v", "error", *picture, *tone, *coding], check=True)
        clips.append(path.read_bytes())
    return clips


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
