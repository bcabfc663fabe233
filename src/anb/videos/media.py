"""Stored files for those who may see them: results for everybody, originals by a signed link."""

import mimetypes
from email.utils import parsedate_to_datetime

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response

from anb.errors import ForbiddenError, NotFoundError
from anb.http import problems
from anb.videos.schemas import is_private

router = APIRouter(prefix="/media", tags=["media"])

_TYPES = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".mkv": "video/x-matroska", ".flv": "video/x-flv"}
# A result's key holds its attempt, so what is under a key never changes.
_CACHED = {False: "public, max-age=31536000, immutable", True: "private, no-store"}


@router.api_route("/{key:path}", methods=["GET", "HEAD"], response_class=FileResponse, responses=problems(403, 404))
async def media(request: Request, key: str, token: str = "") -> Response:
    """A stored file, whole or by range."""
    private = is_private(key)
    if private and not request.app.state.signer.allows(token, key):
        raise ForbiddenError("media_link_expired")
    try:
        path = request.app.state.storage.path(key)
        status = await run_in_threadpool(path.stat)
    except FileNotFoundError:
        raise NotFoundError("media_not_found") from None
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {"Cache-Control": _CACHED[private], "Content-Security-Policy": "default-src 'none'; sandbox"}
    response = FileResponse(path, headers=headers, media_type=kind, stat_result=status)
    if _is_unchanged(request, response):
        return Response(status_code=304, headers={name: response.headers[name] for name in ("etag", "cache-control")})
    return response


def _is_unchanged(request: Request, response: FileResponse) -> bool:
    """RFC 9110, 13.2.2: the entity tag decides where both conditions are sent."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or response.headers["etag"] in [
            tag.strip().removeprefix("W/") for tag in tags.split(",")
        ]
    since = request.headers.get("if-modified-since", "")
    try:
        return parsedate_to_datetime(response.headers["last-modified"]) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
