"""What is there afterwards, held against what clients were told. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from anb.players.models import Player
from anb.videos.models import Video
from tests.prove.journal import Journal

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Finding:
    promise: str
    checked: int
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """Rows, and files by their keys."""

    videos: dict[str, Video]
    votes: Sequence[tuple[str, str]]
    """Player id, video id."""
    players: dict[str, Player]
    files: frozenset[str]
    strays: frozenset[str]

    def completed(self) -> list[Video]:
        return [video for video in self.videos.values() if video.status == "completed"]

    def unfinished(self) -> tuple[str, ...]:
        waiting = (video for video in self.videos.values() if video.status in {"pending", "processing"})
        return tuple(f"{video.id} is {video.status}" for video in waiting)

    def is_clean(self) -> bool:
        """Worked off and swept."""
        return not self.unfinished() and self.files == expected_files(self) and not self.strays


def expected_files(truth: Truth) -> set[str]:
    keys = ((video.original_key, video.processed_key, video.poster_key) for video in truth.videos.values())
    return {key for of_one in keys for key in of_one if key}


@dataclass(frozen=True)
class Seen:
    """What only reading the files and asking the API tells."""

    originals: Mapping[str, str]
    """Key to the SHA-256 of what the file holds."""
    off_format: Sequence[str]
    ranking: Sequence[Mapping[str, Any]]
    """All rows of all pages."""


def judge(journal: Journal, truth: Truth, seen: Seen) -> Iterator[Finding]:
    yield from _uploads(journal, truth, seen)
    yield from _results(truth, seen)
    yield from _votes(journal, truth)
    yield from _totals(truth, seen)
    ids = {player.email: player_id for player_id, player in truth.players.items()}
    nameless = [email for email, player_id in journal.accounts.items() if ids.get(email) != player_id]
    yield Finding("an acknowledged sign-up is there", len(journal.accounts), tuple(nameless))
    expected = expected_files(truth)
    yield Finding("no row without bytes", len(expected), tuple(sorted(expected - truth.files)))
    yield Finding("no bytes without row", len(truth.files), tuple(sorted(truth.files - expected | truth.strays)))
    yield Finding("no answer that should not be", journal.answers.total(), tuple(journal.surprises))
    yield Finding("nothing is stuck", len(truth.videos), truth.unfinished())


def _uploads(journal: Journal, truth: Truth, seen: Seen) -> Iterator[Finding]:
    kept = {video_id: sha for video_id, sha in journal.uploads.items() if video_id not in journal.perhaps_deleted}
    there = {video_id: truth.videos[video_id] for video_id in kept if video_id in truth.videos}
    yield Finding("an acknowledged upload exists", len(kept), tuple(kept.keys() - there.keys()))
    # Bytes are a wish's own, whatever way they came: their second video is a double, also of one that was deleted.
    ids: dict[str, set[str]] = defaultdict(set)
    for video_id, sha in (*journal.uploads.items(), *((one.id, one.original_sha256) for one in truth.videos.values())):
        ids[sha].add(str(video_id))
    doubled = [" and ".join(sorted(same)) for same in ids.values() if len(same) > 1]
    yield Finding("an upload exists once", len(ids), tuple(doubled))
    foreign = [str(video.id) for video in truth.videos.values() if video.original_sha256 not in journal.sent]
    yield Finding("no video that nobody sent", len(truth.videos), tuple(foreign))
    wrong = [one for one, video in there.items() if seen.originals.get(video.original_key) != kept[one]]
    yield Finding("its original is what was sent", len(there), tuple(wrong))
    undone = [f"{one.id}: {one.status} {one.failure_code}" for one in there.values() if one.status != "completed"]
    yield Finding("it is completed", len(there), tuple(undone))
    undeleted = [video_id for video_id in journal.deleted if video_id in truth.videos]
    yield Finding("what was deleted is gone", len(journal.deleted), tuple(undeleted))


def _results(truth: Truth, seen: Seen) -> Iterator[Finding]:
    names = [name for name in truth.files if name.startswith("processed/") and name.endswith(".mp4")]
    results = Counter(name.partition("/")[2].partition(".")[0] for name in names)
    several = tuple(f"{video_id}: {times}" for video_id, times in results.items() if times > 1)
    yield Finding("a video has one result", len(results), several)
    yield Finding("a result keeps the house format", len(truth.completed()), tuple(seen.off_format))


def _votes(journal: Journal, truth: Truth) -> Iterator[Finding]:
    counted = Counter(truth.votes)
    lost = [vote for vote in journal.votes if vote not in counted]
    yield Finding("an acknowledged vote counts", len(journal.votes), tuple(map(str, lost)))
    foreign = [vote for vote in counted if vote not in journal.votes | journal.perhaps_votes]
    yield Finding("no vote that nobody cast, or that was refused", len(counted), tuple(map(str, foreign)))


def _totals(truth: Truth, seen: Seen) -> Iterator[Finding]:
    rows = Counter(video_id for _, video_id in truth.votes)
    of_players: Counter[str] = Counter()
    for video in truth.completed():
        of_players[str(video.player_id)] += rows[str(video.id)]
    wrong = [
        f"{one_id}: {one.votes}, and {counted[one_id]} rows"
        for held, counted in ((truth.videos, rows), (truth.players, of_players))
        for one_id, one in held.items()
        if one.votes != counted[one_id]
    ]
    yield Finding("totals equal rows", len(truth.videos) + len(truth.players), tuple(wrong))
    expected, shown = _ranking(truth, of_players), [_row(row) for row in seen.ranking]
    differing = [f"{found}, and not {right}" for found, right in zip_longest(shown, expected) if found != right]
    yield Finding("the ranking shows the votes", len(expected), tuple(differing))


def _ranking(truth: Truth, votes: Counter[str]) -> list[tuple[int, str, int]]:
    """Votes descending, then who published first, then the id; from rows alone."""
    first: dict[str, Any] = {}
    for video in sorted(truth.completed(), key=lambda video: video.processed_at or _NEVER):
        first.setdefault(str(video.player_id), video.processed_at)
    ordered = sorted(first, key=lambda player_id: (-votes[player_id], first[player_id], player_id))
    return [(position, player_id, votes[player_id]) for position, player_id in enumerate(ordered, 1)]


def _row(row: Mapping[str, Any]) -> tuple[int, str, int]:
    return row["position"], row["player_id"], row["votes"]
