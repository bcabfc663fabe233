"""Reads what is there: rows, files, and the public ranking."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from anb.db import Database
from anb.players.models import Player
from anb.processing.convert import house_facts
from anb.processing.failures import ProcessingFailed
from anb.processing.house_format import breaches
from anb.processing.limits import Limits
from anb.processing.retry import LONGEST_DELAY_S
from anb.uploads.models import Upload
from anb.videos.models import Video
from anb.voting.models import Vote
from tests.prove.verdict import Seen, Truth

_PATIENCE_S = 240.0 + LONGEST_DELAY_S
"""After the last blow: leases end, sweeps ring and clear up, and the queue is worked off. A video that was hit
again and again (here a hundred times as often as in life) waits for its next attempt."""


def look(database: Database, media: Path, scratch: Path) -> Truth:
    with database.read() as session:
        videos = {str(video.id): video for video in session.scalars(select(Video))}
        votes = [
            (str(row.player_id), str(row.video_id)) for row in session.execute(select(Vote.player_id, Vote.video_id))
        ]
        begun = session.scalars(select(Upload.id).where(Upload.finished_at.is_(None)))
        growing = {f"incoming/{upload_id}" for upload_id in begun}
        players = {str(player.id): player for player in session.scalars(select(Player))}
    # os.walk passes over a folder that a worker removes while we look; rglob would break.
    found = {str((Path(folder) / name).relative_to(media)) for folder, _, names in os.walk(media) for name in names}
    files = {name for name in found if name.startswith(("uploads/", "processed/")) and "/." not in name}
    working = {str(path) for path in scratch.glob("*")} if scratch.is_dir() else set()
    return Truth(videos, votes, players, frozenset(files), frozenset((found - files - growing) | working))


def settle(database: Database, media: Path, scratch: Path) -> Truth:
    """Everything finished, and everything swept; or what is left when patience ends."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            truth = look(database, media, scratch)
        except OperationalError:  # it still recovers from the last blow
            if time.monotonic() > deadline:
                raise
        else:
            if truth.is_clean() or time.monotonic() > deadline:
                return truth
        time.sleep(1)


def look_closely(truth: Truth, media: Path, url: str) -> Seen:
    """Read every original, probe every result, turn every page of the ranking."""
    originals = {key: _sha(media / key) for key in truth.files if key.startswith("uploads/")}
    with ThreadPoolExecutor(2) as pool:
        results = [media / str(video.processed_key) for video in truth.completed()]
        off = [text for text in pool.map(off_format, results) if text]
    return Seen(originals, off, _ranking(url))


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "no file"


def _ranking(url: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with httpx2.Client(base_url=url, timeout=30, trust_env=False) as client:
        while True:
            asked = {"page_size": 100, "page": len(rows) // 100 + 1}
            page = client.get("/api/public/rankings", params=asked).raise_for_status().json()
            rows += page["rankings"]
            if page["page"] >= page["total_pages"]:
                return rows


def off_format(file: Path) -> str | None:
    """What of the house format a result breaks; None: nothing."""
    try:
        broken = breaches(house_facts(file, Limits()))
    except (ProcessingFailed, OSError) as error:
        return f"{file.name}: {error!r}"
    return f"{file.name}: {'; '.join(broken)}" if broken else None
