"""The judge of `make prove` can find: each wrong state is named, and by the promise that it breaks."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from anb.players.models import Player
from anb.videos.models import Video
from tests.cast import START
from tests.prove.journal import Journal
from tests.prove.verdict import Finding, Seen, Truth, judge

ANA, BETO, CARLA = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
FIRST, SECOND, THIRD, GONE, NEW = (str(uuid.UUID(int=number)) for number in (11, 12, 13, 14, 15))


def player(player_id: str, votes: int) -> Player:
    return Player(id=uuid.UUID(player_id), email=f"{player_id}@example.com", votes=votes)


def video(video_id: str, owner: str, votes: int, **changes: Any) -> Video:
    facts = {
        "id": uuid.UUID(video_id), "player_id": uuid.UUID(owner), "votes": votes, "status": "completed",
        "processed_at": START + timedelta(seconds=uuid.UUID(video_id).int), "original_sha256": f"sha of {video_id}",
        "original_key": f"uploads/{video_id}.mp4", "processed_key": f"processed/{video_id}.1.mp4",
        "poster_key": f"processed/{video_id}.1.jpg",
    }  # fmt: skip
    return Video(**(facts | changes))


@dataclass
class Show:
    """Ana's two videos and Beto's one; Beto and Carla voted for Ana's first, Carla for Beto's."""

    journal: Journal = field(default_factory=Journal)
    videos: dict[str, Video] = field(default_factory=dict)
    players: dict[str, Player] = field(default_factory=dict)
    votes: list[tuple[str, str]] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    strays: set[str] = field(default_factory=set)
    originals: dict[str, str] = field(default_factory=dict)
    off_format: list[str] = field(default_factory=list)
    ranking: list[dict[str, Any]] = field(default_factory=list)

    def add(self, one: Video) -> None:
        self.videos[str(one.id)] = one
        self.files |= {key for key in (one.original_key, one.processed_key, one.poster_key) if key}
        self.originals[one.original_key] = one.original_sha256

    def remove(self, video_id: str) -> None:
        """Whole, with its files."""
        del self.videos[video_id]
        self.files = {name for name in self.files if video_id not in name}

    def findings(self) -> list[Finding]:
        truth = Truth(self.videos, self.votes, self.players, frozenset(self.files), frozenset(self.strays))
        return list(judge(self.journal, truth, Seen(self.originals, self.off_format, self.ranking)))


@pytest.fixture
def show() -> Show:
    right = Show()
    for one in (video(FIRST, ANA, 2), video(SECOND, ANA, 0), video(THIRD, BETO, 1)):
        right.add(one)
    right.players = {one: player(one, votes) for one, votes in ((ANA, 2), (BETO, 1), (CARLA, 0))}
    right.votes = [(BETO, FIRST), (CARLA, FIRST), (CARLA, THIRD)]
    right.ranking = [
        {"position": 1, "player_id": ANA, "votes": 2}, {"position": 2, "player_id": BETO, "votes": 1},
    ]  # fmt: skip
    journal = right.journal
    journal.uploads = {video_id: f"sha of {video_id}" for video_id in (FIRST, SECOND, THIRD, GONE)}
    journal.sent = {*journal.uploads.values(), f"sha of {NEW}"}
    journal.deleted = {GONE}
    journal.perhaps_deleted = {GONE}
    journal.votes = {(BETO, FIRST), (CARLA, FIRST)}
    journal.perhaps_votes = {(CARLA, THIRD), (CARLA, SECOND), *journal.votes}
    journal.accounts = {f"{one}@example.com": one for one in (ANA, BETO, CARLA)}
    return right


def test_what_was_promised_and_kept_breaks_nothing(show: Show) -> None:
    assert [finding for finding in show.findings() if finding.broken] == []


def test_what_was_never_answered_may_have_happened_or_not(show: Show) -> None:
    show.add(video(NEW, BETO, 0))
    assert [finding for finding in show.findings() if finding.broken] == []


def _a_vote_more(show: Show, vote: tuple[str, str]) -> None:
    """Counted properly everywhere, so that only the vote itself is wrong."""
    show.votes.append(vote)
    voted = show.videos[vote[1]]
    voted.votes += 1
    owner = str(voted.player_id)
    show.players[owner].votes += 1
    show.ranking = [row | {"votes": show.players[row["player_id"]].votes} for row in show.ranking]


def _refused_vote(show: Show) -> None:
    show.journal.perhaps_votes.discard((CARLA, SECOND))
    _a_vote_more(show, (CARLA, SECOND))


def _foreign_vote(show: Show) -> None:
    _a_vote_more(show, (BETO, SECOND))


def _lost_vote(show: Show) -> None:
    show.votes.remove((BETO, FIRST))
    show.videos[FIRST].votes = show.players[ANA].votes = show.ranking[0]["votes"] = 1


def _same_bytes_again(show: Show) -> None:
    show.add(video(NEW, BETO, 0, original_sha256=f"sha of {SECOND}", idempotency_key=None))


def _back_under_another_id(show: Show) -> None:
    show.add(video(NEW, BETO, 0, original_sha256=f"sha of {GONE}"))


def _undo(show: Show, status: str) -> None:
    show.remove(SECOND)
    show.add(video(SECOND, ANA, 0, status=status, processed_key=None, poster_key=None))


def _other_order(show: Show) -> None:
    show.ranking = [row | {"position": 3 - row["position"]} for row in reversed(show.ranking)]


WRONG: dict[str, tuple[Callable[[Show], object], set[str]]] = {
    "an upload is lost": (lambda show: show.remove(SECOND), {"an acknowledged upload exists"}),
    "a resumable upload is doubled": (_same_bytes_again, {"an upload exists once"}),
    "a deleted one is back under another id": (_back_under_another_id, {"an upload exists once"}),
    "a video of unknown bytes": (
        lambda show: show.add(video(NEW, BETO, 0, original_sha256="?")),
        {"no video that nobody sent"},
    ),
    "the file holds other bytes": (
        lambda show: show.originals.update({f"uploads/{SECOND}.mp4": "others"}),
        {"its original is what was sent"},
    ),
    "failed": (lambda show: _undo(show, "failed"), {"it is completed"}),
    "still processing": (lambda show: _undo(show, "processing"), {"it is completed", "nothing is stuck"}),
    "deleted and there": (lambda show: show.add(video(GONE, BETO, 0)), {"what was deleted is gone"}),
    "a second result": (
        lambda show: show.files.add(f"processed/{FIRST}.2.mp4"),
        {"a video has one result", "no bytes without row"},
    ),
    "a result off format": (lambda show: show.off_format.append("60 fps"), {"a result keeps the house format"}),
    "a vote is lost": (_lost_vote, {"an acknowledged vote counts"}),
    "a vote that nobody sent": (
        _foreign_vote,
        {"no vote that nobody cast, or that was refused"},
    ),
    "a vote that was refused": (
        _refused_vote,
        {"no vote that nobody cast, or that was refused"},
    ),
    "a video's total": (lambda show: setattr(show.videos[FIRST], "votes", 3), {"totals equal rows"}),
    "a player's total": (lambda show: setattr(show.players[BETO], "votes", 0), {"totals equal rows"}),
    "the page shows another number": (lambda show: show.ranking[0].update(votes=9), {"the ranking shows the votes"}),
    "the page misses somebody": (lambda show: show.ranking.pop(), {"the ranking shows the votes"}),
    "the page in another order": (_other_order, {"the ranking shows the votes"}),
    "an account is lost": (lambda show: show.players.pop(CARLA), {"an acknowledged sign-up is there"}),
    "an account with another id": (
        lambda show: show.journal.accounts.update({f"{CARLA}@example.com": NEW}),
        {"an acknowledged sign-up is there"},
    ),
    "a row without its poster": (
        lambda show: show.files.remove(f"processed/{FIRST}.1.jpg"), {"no row without bytes"},
    ),
    "a file of nobody": (lambda show: show.files.add("uploads/x.mp4"), {"no bytes without row"}),
    "scratch is left": (lambda show: show.strays.add("scratch/x"), {"no bytes without row"}),
    "a 500": (lambda show: show.journal.surprise("GET /: 500"), {"no answer that should not be"}),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_state_is_found_by_the_promise_that_it_breaks(show: Show, wrong: str) -> None:
    spoil, promises = WRONG[wrong]
    spoil(show)
    assert {finding.promise for finding in show.findings() if finding.broken} == promises


def test_each_promise_has_a_state_that_breaks_it(show: Show) -> None:
    assert {finding.promise for finding in show.findings()} == set().union(*(named for _, named in WRONG.values()))


def test_an_earlier_first_video_leads_where_votes_are_equal(show: Show) -> None:
    _a_vote_more(show, (CARLA, SECOND))
    _a_vote_more(show, (ANA, THIRD))
    show.journal.votes.add((ANA, THIRD))
    _a_vote_more(show, (str(uuid.UUID(int=4)), THIRD))
    show.journal.votes.add((str(uuid.UUID(int=4)), THIRD))
    assert [finding for finding in show.findings() if finding.broken] == []
    show.videos[THIRD].processed_at = START
    assert {finding.promise for finding in show.findings() if finding.broken} == {"the ranking shows the votes"}
