"""Which votes count. Pure."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from anb.videos.lifecycle import Status


@dataclass(frozen=True)
class Ballot:
    video_id: uuid.UUID
    player_id: uuid.UUID


@dataclass(frozen=True)
class Candidate:
    """What a ballot is judged by: the video as it stands in the transaction that counts."""

    player_id: uuid.UUID
    status: str
    votes: int


class Outcome(StrEnum):
    COUNTED = "counted"
    ALREADY_VOTED = "already_voted"
    OWN_VIDEO = "own_video"
    NOT_PUBLISHED = "not_published"
    NO_SUCH_VOTER = "no_such_voter"


def objection(ballot: Ballot, candidate: Candidate | None, *, voter_exists: bool) -> Outcome | None:
    """Why a ballot cannot count, before it is known whether it is a second one."""
    if not voter_exists:
        return Outcome.NO_SUCH_VOTER
    if candidate is None or candidate.status != Status.COMPLETED:
        return Outcome.NOT_PUBLISHED
    if candidate.player_id == ballot.player_id:
        return Outcome.OWN_VIDEO
    return None
