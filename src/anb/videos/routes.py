import uuid
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Request, Response

from anb import db, metrics
from anb.http.at_bell import ring
from anb.http.at_storage import at_storage, leave_storage
from anb.http.client import answered_in, declared_length, language
from anb.http.problems import problems
from anb.limits.rules import Action
from anb.players.auth import CurrentPlayer
from anb.settings import Settings
from anb.storage.base import ORIGINALS
from anb.videos import service, upload_policy
from anb.videos.admission import admit, quota
from anb.videos.intake import Intake
from anb.videos.models import Video
from anb.videos.schemas import Accepted, VideoDetail, VideoOut

PREFIX = "/api/videos"
UPLOAD = f"{PREFIX}/upload"
router = APIRouter(prefix=PREFIX, tags=["videos"])
log = structlog.get_logger(__name__)

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "title"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "Or `video_file`"},
                        "title": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": upload_policy.TITLE_MAX,
                            "example": "Crossover y triple",
                        },
                        "description": {
                            "type": "string",
                            "maxLength": upload_policy.DESCRIPTION_MAX,
                            "example": "",  # else `/docs` sends its words as the player's
                        },
                    },
                }
            }
        },
    }
}


@router.post(
    "/upload",
    status_code=202,
    openapi_extra=_FORM,
    responses=problems(400, 401, 413, 415, 422, 429, 507),
)
async def upload(
    request: Request, player_id: CurrentPlayer, idempotency_key: Annotated[str | None, Header()] = None
) -> Accepted:
    """Take a video. It is safe on disk when this answers; processing follows by itself."""
    video = await _take(request, player_id, idempotency_key)
    structlog.contextvars.bind_contextvars(video_id=str(video.id))
    log.info("video_accepted", bytes=video.original_bytes)
    await ring(request, video.id)
    return Accepted.of(video)


async def _take(request: Request, player_id: uuid.UUID, idempotency_key: str | None) -> Video:
    """Everything that can be refused without the body is refused before it is read."""
    state = request.app.state
    settings: Settings = state.settings
    await state.rate_limits.require(Action.UPLOAD, player=str(player_id))
    upload_policy.require_idempotency_key(idempotency_key)
    declared = declared_length(request)
    await at_storage(admit, state.database, state.storage, settings, player_id, declared, idempotency_key)
    video_id = db.new_id()
    intake = Intake(state.storage, f"{ORIGINALS}/{video_id}", settings.max_upload_bytes)
    received = await intake.receive(request.stream(), request.headers.get("content-type", ""))
    wish = service.Registration(video_id, player_id, received, idempotency_key, request.scope["anb.request_id"])
    video = await leave_storage(service.register, state.database, state.storage, quota(settings), wish)
    if video.id == video_id:  # else it was here already, under the same key
        metrics.UPLOADED_BYTES.inc(received.size)
    return video


@router.get("", responses=problems(401))
@router.get("/", include_in_schema=False)
def own_videos(request: Request, response: Response, player_id: CurrentPlayer) -> list[VideoOut]:
    """The caller's videos, newest first."""
    videos = service.own_videos(request.app.state.database, player_id)
    spoken = language(request)
    response.headers.update(answered_in(spoken))
    return [VideoOut.of(video, spoken) for video in videos]


@router.get("/{video_id}", responses=problems(401, 403, 404))
def own_video(request: Request, response: Response, player_id: CurrentPlayer, video_id: uuid.UUID) -> VideoDetail:
    """One of the caller's videos, with a link to the original."""
    video = service.own_video(request.app.state.database, player_id, video_id)
    spoken = language(request)
    response.headers.update(answered_in(spoken))
    return VideoDetail.detailed(video, spoken, request.app.state.signer)


@router.delete("/{video_id}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete(request: Request, player_id: CurrentPlayer, video_id: uuid.UUID) -> None:
    """Remove a video in any state, while nobody has voted for it."""
    state = request.app.state
    await at_storage(service.delete, state.database, state.storage, player_id, video_id)
    request.app.state.public_pages.forget()
    log.info("video_deleted", video_id=str(video_id))
