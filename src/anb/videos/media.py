"""Stored files for those who may see them: results for everybody, originals by a signed link."""

import re
from email.utils import parsedate_to_datetime
from typing import Any

import structlog
from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response

from anb.errors import ForbiddenError, NotFoundError
from anb.http.at_storage import at_storage
from anb.http.problems import problems
from anb.storage.base import Link, is_original
from anb.storage.headers import PRIVATE, cache_control, media_type
from anb.storage.trouble import as_storage_error

router = APIRouter(prefix="/media", tags=["media"])
log = structlog.get_logger(__name__)

_PART = r"(?:\d{1,18}-\d{0,18}|-\d{1,18})"  # no file has more bytes, and Python refuses to read thousands of digits
_RANGES = re.compile(rf"bytes={_PART}(?:,\s*{_PART})*")

_ANSWERS: dict[int | str, dict[str, Any]] = {
    206: {"description": "The range that was asked for"},
    304: {"description": "Not changed"},
    307: {"description": "The file is in S3, at an address that works for some minutes"},
    **problems(403, 404, 412, 416),
}


@router.head("/{key:path}", include_in_schema=False)
@router.get("/{key:path}", response_class=FileResponse, responses=_ANSWERS)
async def media(request: Request, key: str, token: str = "") -> Response:
    """A stored file, whole or by range."""
    private = is_original(key)
    if private and not request.app.state.signer.allows(token, key):
        raise ForbiddenError("media_link_expired")
    try:
        path = await at_storage(request.app.state.storage.place, key, request.method)
        if isinstance(path, Link):
            return _redirect(path, private=private)
        with as_storage_error(FileNotFoundError):
            status = await at_storage(path.stat)
    except FileNotFoundError:
        raise NotFoundError("media_not_found") from None
    kind = media_type(key)
    headers = {"Cache-Control": cache_control(key), "Content-Security-Policy": "default-src 'none'; sandbox"}
    settings = request.app.state.settings
    # nginx sends what it sees, and knows ranges and conditions; ANB_MEDIA_FALLBACK it does not see.
    if (prefix := settings.accel_prefix) and path.is_relative_to(settings.media):
        return Response(headers=headers | {"X-Accel-Redirect": f"{prefix}/{key}"}, media_type=kind)
    response = FileResponse(path, headers=headers, media_type=kind, stat_result=status)
    if _is_another(request, response):
        raise HTTPException(412)
    if _is_unchanged(request, response):
        return Response(status_code=304, headers={name: response.headers[name] for name in ("etag", "cache-control")})
    _settle_range(request, status.st_size)
    return response


def _redirect(link: Link, *, private: bool) -> Response:
    """Kept for half of the link's life at most, so that nobody is sent to one that has expired."""
    cached = PRIVATE if private else f"public, max-age={link.fresh_s}"
    return RedirectResponse(link.url, 307, {"Cache-Control": cached})


def _settle_range(request: Request, size: int) -> None:
    """RFC 9110, 14.2: a range that cannot be understood, or that comes with another method than GET, is ignored, and
    the whole file is the answer. Of several those inside the file count.

    None of them is 416, which Starlette would answer as well, but also where only one is outside.
    """
    asked = request.headers.get("range")
    if asked is None:
        return
    parts = asked.partition("=")[2].split(",")
    ranges: list[str] = []
    if request.method == "GET" and _RANGES.fullmatch(asked) and all(map(_runs_forward, parts)):
        ranges = [part for part in parts if not _is_outside(part, size)]
        if not ranges and "if-range" not in request.headers:
            raise HTTPException(416, headers={"Content-Range": f"bytes */{size}"})
    headers = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
    request.scope["headers"] = headers + [(b"range", f"bytes={','.join(ranges)}".encode())] * bool(ranges)


def _is_outside(part: str, size: int) -> bool:
    first, _, last = part.strip().partition("-")
    return int(first) >= size if first else int(last) == 0


def _runs_forward(part: str) -> bool:
    first, _, last = part.strip().partition("-")
    return not (first and last) or int(first) <= int(last)


def _is_unchanged(request: Request, response: FileResponse) -> bool:
    """RFC 9110, 13.2.2: the entity tag decides where both conditions are sent."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return _names(tags.replace("W/", ""), response)
    return _is_newer(response, request.headers.get("if-modified-since", "")) is False


def _is_another(request: Request, response: FileResponse) -> bool:
    """Than the one that the client wants to go on with, whatever it has of it."""
    tags = request.headers.get("if-match")
    if tags is not None:
        return not _names(tags, response)
    return _is_newer(response, request.headers.get("if-unmodified-since", "")) is True


def _names(tags: str, response: FileResponse) -> bool:
    named = [tag.strip() for tag in tags.split(",")]
    return "*" in named or response.headers["etag"] in named


def _is_newer(response: FileResponse, date: str) -> bool | None:
    try:
        return parsedate_to_datetime(response.headers["last-modified"]) > parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):  # no date, one without a zone, the year 99999999999
        return None
