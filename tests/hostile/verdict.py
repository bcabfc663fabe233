"""What the files have done, held against what no file may do."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anb.db import Database
from anb.processing.limits import MIB
from tests.hostile.canary import Canary
from tests.hostile.sender import Outcome
from tests.media import seen
from tests.media.hostile.kit import BAIT_COLOUR, BAIT_WORDS
from tests.prove.looking import look, off_format
from tests.prove.verdict import Finding, expected_files

# Far below the cage's own limits. The dearest files are honest in all but what they weigh: half a minute of 36
# megapixels, as an 8K camera would make it, is real work.
MOST_CPU_S = 240.0
MOST_MEMORY = 1536 * MIB
MOST_SCRATCH = 64 * MIB
LURE = "anb-hostile"
"""What the corpus's names and attachments try to create."""
TRIPWIRES = (Path("/tmp"), Path("/etc/cron.d"), Path.cwd())


@dataclass(frozen=True)
class Cost:
    """The dearest single run of a tool."""

    cpu_s: float
    memory_bytes: int
    video_id: str


def costs(log_lines: Iterator[dict[str, Any]]) -> list[Cost]:
    ended = (line for line in log_lines if line.get("event") == "tool_ended")
    return [Cost(line["cpu_s"], line["peak_bytes"], line.get("video_id", "")) for line in ended]


def judge_answers(outcomes: Sequence[Outcome], died: Sequence[str], canary: Canary) -> Iterator[Finding]:
    names = [outcome.hostile.id for outcome in outcomes]
    yield Finding("nobody died", len(names), tuple(died))
    wrong = [f"{outcome.hostile.id}: {what}" for outcome in outcomes for what in outcome.wrong]
    yield Finding("no 5xx, and a reason in Spanish and English", len(names), tuple(wrong))
    stuck = [outcome.hostile.id for outcome in outcomes if outcome.end == "stuck"]
    yield Finding("nothing is stuck", len(names), tuple(stuck))
    ours = [f"{outcome.hostile.id}: {outcome.code}" for outcome in outcomes if outcome.code in OUR_OWN_FAULT]
    yield Finding("no file passes for a fault of ours", len(names), tuple(ours))
    yield Finding("the canary's address was never asked", len(names), tuple(canary.asked))


OUR_OWN_FAULT = (
    "not_house_format", "internal", "crashed", "interrupted", "engine_missing", "source_missing", "disk_full",
    "took_too_long",
)  # fmt: skip


def judge_costs(spent: Sequence[Cost], scratch_bytes: int, outcomes: Sequence[Outcome]) -> Iterator[Finding]:
    names = {outcome.video_id: outcome.hostile.id for outcome in outcomes}
    slow = [f"{names.get(cost.video_id)}: {cost.cpu_s:.1f} s" for cost in spent if cost.cpu_s > MOST_CPU_S]
    yield Finding(f"no tool took {MOST_CPU_S:.0f} s of CPU", len(spent), tuple(slow))
    large = [
        f"{names.get(cost.video_id)}: {cost.memory_bytes >> 20} MiB"
        for cost in spent
        if cost.memory_bytes > MOST_MEMORY
    ]
    yield Finding(f"no tool took {MOST_MEMORY >> 20} MiB of memory", len(spent), tuple(large))
    full = (f"{scratch_bytes >> 20} MiB",) if scratch_bytes > MOST_SCRATCH else ()
    yield Finding(f"scratch never held {MOST_SCRATCH >> 20} MiB", len(spent), full)


def judge_files(database: Database, media: Path) -> Iterator[Finding]:
    truth = look(database, media, media / "scratch")
    expected = expected_files(truth)
    left = truth.files - expected | truth.strays | {str(path) for path in (media / "scratch").glob("*")}
    yield Finding("no file but the videos' own, no scratch left", len(expected), tuple(sorted(left)))
    strayed = [str(path) for place in TRIPWIRES if place.is_dir() for path in place.glob(f"*{LURE}*.*")]
    yield Finding("no file outside the storage", len(TRIPWIRES), tuple(strayed))
    pairs = [(media / str(video.processed_key), media / str(video.poster_key)) for video in truth.completed()]
    with ThreadPoolExecutor(2) as pool:
        broken = [text for text in pool.map(off_format, [video for video, _ in pairs]) if text]
        leaked = [text for text in pool.map(leak, pairs) if text]
    yield Finding("what was published keeps the house format", len(pairs), tuple(broken))
    yield Finding("nothing of the bait is in an output", len(pairs), tuple(leaked))


def leak(pair: tuple[Path, Path]) -> str | None:
    """The bait's words in the bytes, or a picture whose middle is all of the bait's colour."""
    for file in pair:
        if BAIT_WORDS.encode() in file.read_bytes():
            return f"{file.name}: the bait's words"
        pixels = seen.frame(file, 0, (8, 3))
        middle = [seen.colour_at(pixels, x, 1, 8) for x in range(2, 6)]
        if all(seen.close(colour, BAIT_COLOUR, 40) for colour in middle):
            return f"{file.name}: the bait's colour"
    return None
