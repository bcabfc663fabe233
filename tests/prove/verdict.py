"""What is there afterwards, held against what clients were told."""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from anb.db import Database
from anb.players.models import Player
from anb.processing.convert import house_facts
from anb.processing.failures import ProcessingFailed
from anb.processing.house_format import breaches
from anb.processing.limits import Limits
from anb.uploads.models import Upload
from anb.videos.models import Video
from anb.voting import recount
from anb.voting.models import Vote
from tests.prove.journal import Journal

_PATIENCE_S = 240.0
"""After the last blow: leases end, sweeps ring and clear up, and the queue is worked off."""


@dataclass(frozen=True)
class Finding:
    promise: str
    checked: int
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """Rows, and files by their keys."""

    videos: dict[str, Video]
    votes: list[tuple[str, str]]
    accounts: dict[str, str]
    files: frozenset[str]
    strays: frozenset[str]


def unfinished(database: Database) -> list[str]:
    with database.read() as session:
        rows = session.execute(select(Video.id, Video.status).where(Video.status.in_(["pending", "processing"])))
        return [f"{row.id} is {row.status}" for row in rows]


def look(database: Database, media: Path, scratch: Path) -> Truth:
    with database.read() as session:
        videos = {str(video.id): video for video in session.scalars(select(Video))}
        votes = [
            (str(row.player_id), str(row.video_id)) for row in session.execute(select(Vote.player_id, Vote.video_id))
        ]
        begun = session.scalars(select(Upload.id).where(Upload.finished_at.is_(None)))
        growing = {f"incoming/{upload_id}" for upload_id in begun}
        accounts = {row.email: str(row.id) for row in session.execute(select(Player.email, Player.id))}
    found = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}
    files = {name for name in found if name.startswith(("uploads/", "processed/")) and "/." not in name}
    working = {str(path) for path in scratch.glob("*")} if scratch.is_dir() else set()
    return Truth(videos, votes, accounts, frozenset(files), frozenset((found - files - growing) | working))


def expected_files(truth: Truth) -> set[str]:
    keys = ((video.original_key, video.processed_key, video.poster_key) for video in truth.videos.values())
    return {key for of_one in keys for key in of_one if key}


def settle(database: Database, media: Path, scratch: Path) -> Finding:
    """Everything finished, and everything swept; or what is left when patience ends."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            left = unfinished(database)
            truth = look(database, media, scratch)
        except OperationalError:  # it still recovers from the last blow
            if time.monotonic() > deadline:
                raise
        else:
            clean = truth.files == expected_files(truth) and not truth.strays
            if (clean and not left) or time.monotonic() > deadline:
                return Finding("nothing is stuck", len(truth.videos), tuple(left))
        time.sleep(1)


def judge(journal: Journal, truth: Truth, database: Database, media: Path) -> Iterator[Finding]:
    yield from _uploads(journal, truth, media)
    yield from _results(truth, media)
    yield from _votes(journal, truth)
    nameless = [email for email, player in journal.accounts.items() if truth.accounts.get(email) != player]
    yield Finding("an acknowledged sign-up is there", len(journal.accounts), tuple(nameless))
    differences = recount.recount(database, repair=False)
    yield Finding("totals equal rows", len(truth.videos) + len(truth.accounts), tuple(map(str, differences)))
    expected = expected_files(truth)
    yield Finding("no row without bytes", len(expected), tuple(sorted(expected - truth.files)))
    yield Finding("no bytes without row", len(truth.files), tuple(sorted(truth.files - expected | truth.strays)))
    yield Finding("no answer that should not be", journal.answers.total(), tuple(journal.surprises))


def _uploads(journal: Journal, truth: Truth, media: Path) -> Iterator[Finding]:
    kept = {video_id: sha for video_id, sha in journal.uploads.items() if video_id not in journal.perhaps_deleted}
    there = {video_id: truth.videos[video_id] for video_id in kept if video_id in truth.videos}
    yield Finding("an acknowledged upload exists", len(kept), tuple(kept.keys() - there.keys()))
    keys = Counter(video.idempotency_key for video in truth.videos.values() if video.idempotency_key)
    yield Finding("it exists once", len(keys), _more_than_once(keys))
    wrong = [video_id for video_id, video in there.items() if _sha(media, video) != kept[video_id]]
    yield Finding("its original is what was sent", len(there), tuple(wrong))
    undone = [f"{one.id}: {one.status} {one.failure_code}" for one in there.values() if one.status != "completed"]
    yield Finding("it is completed", len(there), tuple(undone))
    undeleted = [video_id for video_id in journal.deleted if video_id in truth.videos]
    yield Finding("what was deleted is gone", len(journal.deleted), tuple(undeleted))


def _results(truth: Truth, media: Path) -> Iterator[Finding]:
    names = [name for name in truth.files if name.startswith("processed/") and name.endswith(".mp4")]
    results = Counter(name.partition("/")[2].partition(".")[0] for name in names)
    yield Finding("a video has one result", len(results), _more_than_once(results))
    completed = [video for video in truth.videos.values() if video.status == "completed"]
    yield Finding("a result keeps the house format", len(completed), tuple(_breaking(media, completed)))


def _votes(journal: Journal, truth: Truth) -> Iterator[Finding]:
    counted = Counter(truth.votes)
    lost = [vote for vote in journal.votes if vote not in counted]
    yield Finding("an acknowledged vote counts", len(journal.votes), tuple(map(str, lost)))
    yield Finding("it counts once", len(counted), _more_than_once(counted))
    foreign = [vote for vote in counted if vote not in journal.votes | journal.perhaps_votes]
    yield Finding("no vote that nobody cast", len(counted), tuple(map(str, foreign)))


def _more_than_once(counted: Counter[Any]) -> tuple[str, ...]:
    return tuple(str(one) for one, times in counted.items() if times > 1)


def _sha(media: Path, video: Video) -> str:
    path = media / video.original_key
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "no file"


def _breaking(media: Path, completed: list[Video]) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        files = [media / str(video.processed_key) for video in completed]
        return [text for text in pool.map(off_format, files) if text]


def off_format(file: Path) -> str | None:
    """What of the house format a result breaks; None: nothing."""
    try:
        broken = breaches(house_facts(file, Limits()))
    except (ProcessingFailed, OSError) as error:
        return f"{file.name}: {error!r}"
    return f"{file.name}: {'; '.join(broken)}" if broken else None
