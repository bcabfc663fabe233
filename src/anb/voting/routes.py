import uuid

from fastapi import APIRouter, Request

from anb import metrics
from anb.errors import AnbError, ConflictError, ForbiddenError, NotFoundError, UnauthenticatedError
from anb.http.client import asked_language, client_address
from anb.http.problems import problems
from anb.limits.rules import Action
from anb.messages import SENTENCES
from anb.players.auth import CurrentPlayer
from anb.voting.ballot import Ballot, Outcome
from anb.voting.schemas import Counted

router = APIRouter(prefix="/api/public/videos", tags=["voting"])

_REFUSALS: dict[Outcome, tuple[type[AnbError], str]] = {
    Outcome.ALREADY_VOTED: (ConflictError, "already_voted"),
    Outcome.OWN_VIDEO: (ForbiddenError, "own_video"),
    Outcome.NOT_PUBLISHED: (NotFoundError, "video_not_found"),
    Outcome.NO_SUCH_VOTER: (UnauthenticatedError, "not_authenticated"),
}


@router.post("/{video_id}/vote", status_code=201, responses=problems(401, 403, 404, 409, 429, 503))
async def vote(request: Request, player_id: CurrentPlayer, video_id: uuid.UUID) -> Counted:
    """Vote once for a published video of somebody else."""
    await request.app.state.rate_limits.require(Action.VOTE, player=str(player_id), address=client_address(request))
    result = await request.app.state.ballot_box.cast(Ballot(video_id, player_id))
    metrics.VOTES.labels(result.outcome).inc()
    if result.outcome in _REFUSALS:
        kind, code = _REFUSALS[result.outcome]
        raise kind(code)
    return Counted(message=_thanks(request), video_id=video_id, user_id=player_id, total_votes=result.total_votes)


def _thanks(request: Request) -> str:
    text = SENTENCES["vote_counted"]
    asked = asked_language(request)
    return text.render(asked) if asked else f"{text.es} / {text.en}"
