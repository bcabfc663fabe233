"""Counts a batch of ballots: one transaction, each ballot its own outcome."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from anb.db import Database
from anb.voting import repository
from anb.voting.ballot import Ballot, Outcome, objection


@dataclass(frozen=True)
class Result:
    outcome: Outcome
    total_votes: int = 0


def count(database: Database, ballots: Sequence[Ballot]) -> list[Result]:
    """In the order of `ballots`; of two equal ones the first counts. Nothing has happened if it raises."""
    with database.write() as session:
        candidates = repository.candidates_locked(session, (ballot.video_id for ballot in ballots))
        voters = repository.existing_players(session, (ballot.player_id for ballot in ballots))
        objections = [
            objection(ballot, candidates.get(ballot.video_id), voter_exists=ballot.player_id in voters)
            for ballot in ballots
        ]
        valid = dict.fromkeys(ballot for ballot, wrong in zip(ballots, objections, strict=True) if wrong is None)
        new = repository.insert_votes(session, list(valid))
        by_video = Counter(ballot.video_id for ballot in new)
        by_player = Counter(candidates[ballot.video_id].player_id for ballot in new)
        repository.add_to_totals(session, by_video, by_player)
    results = []
    for ballot, wrong in zip(ballots, objections, strict=True):
        if wrong is not None:
            results.append(Result(wrong))
        elif ballot in new:
            new.discard(ballot)
            results.append(Result(Outcome.COUNTED, candidates[ballot.video_id].votes + by_video[ballot.video_id]))
        else:
            results.append(Result(Outcome.ALREADY_VOTED))
    return results
