import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update
from tests.cast import Cast, problem

from anb.db import Database
from anb.players.models import Player
from anb.videos.lifecycle import Status
from anb.videos.models import Video
from anb.voting import service
from anb.voting.ballot import Ballot, Candidate, Outcome, objection
from anb.voting.recount import recount

ANA, BETO, VIDEO = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()


@pytest.mark.parametrize(
    ("voter", "candidate", "exists", "expected"),
    [
        (BETO, Candidate(ANA, "completed", 0), True, None),
        (ANA, Candidate(ANA, "completed", 0), True, Outcome.OWN_VIDEO),
        (BETO, Candidate(ANA, "pending", 0), True, Outcome.NOT_PUBLISHED),
        (BETO, Candidate(ANA, "processing", 0), True, Outcome.NOT_PUBLISHED),
        (BETO, Candidate(ANA, "failed", 0), True, Outcome.NOT_PUBLISHED),
        (ANA, Candidate(ANA, "failed", 0), True, Outcome.NOT_PUBLISHED),
        (BETO, None, True, Outcome.NOT_PUBLISHED),
        (BETO, Candidate(ANA, "completed", 0), False, Outcome.NO_SUCH_VOTER),
    ],
)
def test_which_ballots_cannot_count(
    voter: uuid.UUID, candidate: Candidate | None, expected: Outcome | None, *, exists: bool
) -> None:
    assert objection(Ballot(VIDEO, voter), candidate, voter_exists=exists) == expected


def test_a_vote_counts_and_is_seen_in_the_next_read(cast: Cast) -> None:
    video = cast.video(cast.ana)
    assert cast.client.get("/api/public/rankings").json()["rankings"][0]["votes"] == 0
    answer = cast.vote(cast.beto, video)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["video_id"], body["user_id"], body["total_votes"]) == (str(video), str(cast.beto.id), 1)
    assert cast.client.get("/api/public/rankings").json()["rankings"][0]["votes"] == 1
    assert cast.client.get(f"/api/public/videos/{video}").json()["votes"] == 1
    assert cast.client.get("/api/public/videos?order_by=votes").json()[0]["votes"] == 1


@pytest.mark.parametrize(
    ("asked", "says"),
    [("", ("vote", "Tu voto")), ("en", ("vote",)), ("es", ("Tu voto", "vote")), ("fr", ("vote", "Tu voto"))],
)
def test_a_vote_is_thanked_in_the_language_asked_for_or_in_both(cast: Cast, asked: str, says: tuple[str, ...]) -> None:
    answer = cast.client.post(
        f"/api/public/videos/{cast.video(cast.ana)}/vote", headers=cast.beto.headers | {"Accept-Language": asked}
    )
    assert all(words in answer.json()["message"] for words in says)


def test_a_second_vote_for_the_same_video_is_refused(cast: Cast) -> None:
    video = cast.video(cast.ana)
    cast.vote(cast.beto, video)
    problem(cast.vote(cast.beto, video), 409, "already_voted")
    assert cast.votes_in_rows() == 1


def test_nobody_votes_for_an_own_video(cast: Cast) -> None:
    problem(cast.vote(cast.ana, cast.video(cast.ana)), 403, "own_video")


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.FAILED])
def test_only_a_published_video_takes_votes(cast: Cast, status: Status) -> None:
    problem(cast.vote(cast.beto, cast.video(cast.ana, status=status)), 404, "video_not_found")


@pytest.mark.parametrize("video_id", ["nonsense", "0", str(uuid.UUID(int=1)), "%00", "' OR 1=1"])
def test_an_unknown_or_malformed_id_is_404(cast: Cast, video_id: str) -> None:
    answer = cast.client.post(f"/api/public/videos/{video_id}/vote", headers=cast.beto.headers)
    problem(answer, 404, "video_not_found")


def test_a_vote_needs_a_token(cast: Cast) -> None:
    problem(cast.client.post(f"/api/public/videos/{cast.video(cast.ana)}/vote"), 401, "not_authenticated")


def test_the_same_vote_a_hundred_times_at_once_counts_once(cast: Cast) -> None:
    video, beto = cast.video(cast.ana), cast.beto
    with ThreadPoolExecutor(50) as pool:
        statuses = sorted(pool.map(lambda _: cast.vote(beto, video).status_code, range(100)))
    assert statuses == [201] + [409] * 99
    assert cast.votes_in_rows() == 1
    assert recount(cast.database, repair=False) == []


def test_one_batch_tells_each_ballot_its_own_outcome(cast: Cast) -> None:
    first, second = cast.video(cast.ana), cast.video(cast.beto)
    ballots = [
        Ballot(first, cast.beto.id), Ballot(first, cast.beto.id), Ballot(first, cast.carla.id),
        Ballot(first, cast.ana.id), Ballot(second, cast.ana.id), Ballot(uuid.uuid4(), cast.ana.id),
        Ballot(second, uuid.uuid4()),
    ]  # fmt: skip
    results = service.count(cast.database, ballots)
    assert [result.outcome for result in results] == [
        Outcome.COUNTED, Outcome.ALREADY_VOTED, Outcome.COUNTED, Outcome.OWN_VIDEO, Outcome.COUNTED,
        Outcome.NOT_PUBLISHED, Outcome.NO_SUCH_VOTER,
    ]  # fmt: skip
    assert [result.total_votes for result in results] == [2, 0, 2, 0, 1, 0, 0]
    assert recount(cast.database, repair=False) == []


def test_batches_that_cross_never_lock_each_other_out(cast: Cast) -> None:
    owners = [cast.person(f"Owner{n}") for n in range(6)]
    videos = [cast.video(owner) for owner in owners]
    voters = [cast.person(f"Voter{n}") for n in range(8)]
    batches = [
        [Ballot(video, voter.id) for video in (videos if n % 2 else videos[::-1])] for n, voter in enumerate(voters)
    ]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda batch: service.count(cast.database, batch), batches))
    assert {result.outcome for batch in results for result in batch} == {Outcome.COUNTED}
    assert recount(cast.database, repair=False) == []


def test_a_video_with_votes_cannot_be_deleted(cast: Cast) -> None:
    video = cast.video(cast.ana)
    cast.vote(cast.beto, video)
    problem(cast.client.delete(f"/api/videos/{video}", headers=cast.ana.headers), 409, "video_has_votes")


def test_a_recount_finds_and_mends_wrong_totals(cast: Cast, database: Database) -> None:
    ana = cast.ana
    cast.vote(cast.beto, cast.video(ana))
    with database.write() as session:
        session.execute(update(Video).values(votes=7))
        session.execute(update(Player).where(Player.id == ana.id).values(votes=3))
    found = {(wrong.kind, wrong.total, wrong.rows) for wrong in recount(database, repair=True)}
    assert found == {("video", 7, 1), ("player", 3, 1)}
    assert recount(database, repair=False) == []
