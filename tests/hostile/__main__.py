"""`make hostile`: send every hostile file to a real server, then look at what that did to it."""

import argparse
import logging
import random
import re
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import structlog
from rich.console import Console
from rich.table import Column, Table

from anb.db import Database
from tests.hostile.canary import canary
from tests.hostile.ground import EmbeddedGround, Ground, StackGround
from tests.hostile.sender import Outcome, Sender
from tests.hostile.verdict import Cost, costs, judge_answers, judge_costs, judge_files
from tests.media.factory import Samples
from tests.media.hostile import CORPUS, Hostile, Kit
from tests.prove.verdict import Finding
from tests.watching import every

_SENDERS = 3
_SETTLED_AFTER_S = 12


class Scales:
    """The most that the scratch folder has held at once."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.most_bytes = 0

    def look(self) -> None:
        self.most_bytes = max(self.most_bytes, sum(map(_size, self._scratch.rglob("*"))))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--stack", action="store_true", help="the whole stack instead of the one process of `anb up`")
    parser.add_argument("--only", default="", help="files whose name matches this expression")
    parser.add_argument("--sample", type=int, default=0, help="so many of them, the same ones each time")
    parser.add_argument("--keep", action="store_true", help="leave data and logs behind")
    arguments = parser.parse_args()
    chosen = [hostile for hostile in CORPUS.values() if re.search(arguments.only, hostile.id)]
    if arguments.sample:
        chosen = random.Random(7).sample(chosen, min(arguments.sample, len(chosen)))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    console = Console(highlight=False, width=130)
    folder = Path(tempfile.mkdtemp(prefix="anb-corpus-"))
    folder.chmod(0o755)
    ground: Ground = StackGround(folder / "data") if arguments.stack else EmbeddedGround(folder / "data")
    findings = show(ground, folder, chosen, console)
    broken = any(finding.broken for finding in findings)
    if arguments.keep or broken:
        console.print(f"Data and logs: {folder}")
    else:
        shutil.rmtree(folder)
    return int(broken)


def show(ground: Ground, folder: Path, chosen: Sequence[Hostile], console: Console) -> list[Finding]:
    (folder / "samples").mkdir()
    (folder / "bait").mkdir()
    started = time.monotonic()
    with canary(folder / "bait") as bird, ground:
        kit = Kit(Samples(folder / "samples"), bird.bait)
        before = ground.processes()
        scales = Scales(ground.media / "scratch")
        with every(0.2, scales.look):
            outcomes = send_all(ground, kit, chosen, console)
        time.sleep(_SETTLED_AFTER_S)  # sweeps of bytes come each five seconds
        after = ground.processes()
        died = [name for name, pid in before.items() if after.get(name) != pid]
        spent = costs(ground.log_lines())
        database = Database(ground.database_url)
        findings = [
            *judge_answers(outcomes, died, bird),
            *judge_costs(spent, scales.most_bytes, outcomes),
            *judge_files(database, ground.media),
        ]
        database.dispose()
    report(console, outcomes, findings)
    report_costs(console, outcomes, spent, scales.most_bytes)
    console.print(f"{len(outcomes)} files in {time.monotonic() - started:.0f} s.")
    return findings


def send_all(ground: Ground, kit: Kit, chosen: Sequence[Hostile], console: Console) -> list[Outcome]:
    """In the corpus's order, a few at a time. Samples are drawn by one, for two could draw the same at once."""
    senders: SimpleQueue[Sender] = SimpleQueue()
    drawing = threading.Lock()
    for _ in range(_SENDERS):
        senders.put(Sender(ground.url, kit, drawing))
    done = 0

    def one(hostile: Hostile) -> Outcome:
        nonlocal done
        sender = senders.get()
        outcome = sender.send(hostile)
        senders.put(sender)
        done += 1
        if done % 50 == 0:
            console.print(f"{done} of {len(chosen)}")
        return outcome

    with ThreadPoolExecutor(_SENDERS) as pool:
        outcomes = list(pool.map(one, chosen))
    for _ in range(_SENDERS):
        senders.get().close()
    return outcomes


def report(console: Console, outcomes: Sequence[Outcome], findings: Sequence[Finding]) -> None:
    table = Table("family", *(_right("files"), _right("refused"), _right("failed"), _right("completed")))
    for family in dict.fromkeys(outcome.hostile.family for outcome in outcomes):
        table.add_row(family, *_row([outcome for outcome in outcomes if outcome.hostile.family == family]))
    table.add_section()
    table.add_row("all", *_row(outcomes))
    console.print(table)
    for end in ("refused", "failed"):
        codes = Counter(outcome.code for outcome in outcomes if outcome.end == end)
        console.print(f"{end}: " + ", ".join(f"{code} {times}" for code, times in codes.most_common()), soft_wrap=True)
    promises = Table("promise", _right("checked"), _right("broken"))
    for finding in findings:
        promises.add_row(finding.promise, str(finding.checked), str(len(finding.broken)))
    console.print(promises)
    for finding in findings:
        for broken in finding.broken:
            console.print(f"BROKEN {finding.promise}: {broken}", markup=False, soft_wrap=True)


def report_costs(console: Console, outcomes: Sequence[Outcome], spent: Sequence[Cost], scratch_bytes: int) -> None:
    names = {outcome.video_id: outcome.hostile.id for outcome in outcomes}
    table = Table("most", _right("of"), "by")
    for cost in sorted(spent, key=lambda cost: -cost.cpu_s)[:3]:
        table.add_row("CPU of one tool", f"{cost.cpu_s:.1f} s", names.get(cost.video_id, ""))
    for cost in sorted(spent, key=lambda cost: -cost.memory_bytes)[:3]:
        table.add_row("memory of one tool", f"{cost.memory_bytes >> 20} MiB", names.get(cost.video_id, ""))
    table.add_row("scratch", f"{scratch_bytes / 2**20:.1f} MiB", "")
    console.print(table)


def _right(title: str) -> Column:
    return Column(title, justify="right")


def _row(outcomes: Sequence[Outcome]) -> list[str]:
    ends = Counter(outcome.end for outcome in outcomes)
    return [str(len(outcomes)), *(str(ends[end]) for end in ("refused", "failed", "completed"))]


if __name__ == "__main__":
    sys.exit(main())
