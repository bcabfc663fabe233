"""Resumable uploads: tus 1.0.0 and what one needs beside it. `door.py` has what holds for all of them."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime
from typing import Annotated, Any, Self

import structlog
from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anb.errors import (
    AnbError,
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    MalformedError,
    UnsupportedMediaError,
)
from anb.http.at_bell import ring
from anb.http.at_storage import at_storage, leave_storage
from anb.http.client import declared_length
from anb.http.problems import problems
from anb.limits.rules import Action
from anb.players.auth import CurrentPlayer
from anb.settings import Settings
from anb.uploads import headers
from anb.uploads.door import PREFIX
from anb.uploads.models import Upload
from anb.uploads.receiving import longer_than_declared, receive_into
from anb.uploads.service import Uploads, Wish
from anb.uploads.staging import StagedFile
from anb.uploads.turn import turn
from anb.videos.admission import admit, require_room, too_large
from anb.videos.upload_policy import require_idempotency_key

router = APIRouter(prefix=PREFIX, tags=["resumable uploads"])
log = structlog.get_logger(__name__)

_VERSION = {
    "name": "Tus-Resumable", "in": "header", "required": True, "schema": {"type": "string", "enum": [headers.VERSION]},
}  # fmt: skip
_TUS: dict[str, Any] = {"parameters": [_VERSION]}
_CHECKSUM = "`sha1` or `sha256`, a space, the digest in base64"
_BODY = {"content": {headers.BODY_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


class UploadOut(BaseModel):
    id: uuid.UUID
    offset: int = Field(description="Bytes that are here; the next ones start there")
    length: int = Field(description="Bytes of the whole file")
    video_id: uuid.UUID | None = Field(description="The video that it became, once all of it is here")
    expires_at: datetime = Field(description="Afterwards it is forgotten; each piece puts that off")
    title: str

    @classmethod
    def of(cls, upload: Upload, offset: int) -> Self:
        return cls(
            id=upload.id,
            offset=offset,
            length=upload.length,
            video_id=upload.video_id,
            expires_at=upload.expires_at,
            title=upload.title,
        )


@router.options("", status_code=204, summary="What this server can")
@router.options("/", include_in_schema=False)
@router.options("/{upload_id}", include_in_schema=False)
async def options(request: Request) -> Response:
    """Core Protocol, OPTIONS: what this server can."""
    settings: Settings = request.app.state.settings
    told = {
        "Tus-Version": headers.VERSION,
        "Tus-Extension": headers.EXTENSIONS,
        "Tus-Max-Size": str(settings.max_upload_bytes),
        "Tus-Checksum-Algorithm": headers.ALGORITHMS,
    }
    return Response(status_code=204, headers=told)


@router.post(
    "",
    summary="Begin a resumable upload",
    status_code=201,
    response_class=Response,
    openapi_extra=_TUS | {"requestBody": _BODY},
    responses=problems(400, 401, 412, 413, 415, 422, 423, 429, 460, 507),
)
@router.post("/", include_in_schema=False)
async def begin(  # noqa: PLR0913, PLR0917 - each of them a header
    request: Request,
    player_id: CurrentPlayer,
    upload_length: Annotated[str | None, Header(description="The whole file's size in bytes; always needed")] = None,
    upload_metadata: Annotated[
        str | None,
        Header(description="`title`, perhaps `description`, each in base64, as `title VHJpcGxl`; always needed"),
    ] = None,
    upload_checksum: Annotated[str | None, Header(description=_CHECKSUM)] = None,
    idempotency_key: Annotated[
        str | None, Header(description="Asked again with the same key: the same upload, as far as it is here")
    ] = None,
) -> Response:
    """Creation, and Creation With Upload: announce a video, perhaps with its first bytes."""
    for unknown in headers.OF_OTHER_EXTENSIONS:
        if unknown in request.headers:
            raise MalformedError("tus_extension", header=unknown, extensions=headers.EXTENSIONS.replace(",", ", "))
    length = headers.parse_count("Upload-Length", upload_length)
    described = headers.described(headers.parse_metadata(upload_metadata))
    checksum = headers.parse_checksum(upload_checksum)
    if not length:
        raise InvalidError("invalid_fields", errors=(FieldError("file", "empty"),))
    require_idempotency_key(idempotency_key)
    state = request.app.state
    if length > state.settings.max_upload_bytes:
        raise too_large(state.settings.max_upload_bytes)
    await state.rate_limits.require(Action.UPLOAD, player=str(player_id))
    uploads: Uploads = state.uploads
    request_id = request.scope["anb.request_id"]
    wish = Wish(player_id, length, described, upload_metadata or "", idempotency_key, request_id)
    earlier, is_there = await at_storage(uploads.earlier, wish) if idempotency_key else (None, False)
    if not is_there:
        await at_storage(admit, state.database, state.storage, state.settings, player_id, length)
        require_room(await at_storage(uploads.staging.free_bytes), state.settings, length)
    is_new, upload = await at_storage(uploads.begin, wish, None if is_there else earlier)
    if not is_new:  # its body is not read: the client goes on from where the upload stands
        upload, offset = await _settled(request, player_id, str(upload.id))
        return _begun(upload, offset)
    log.info("upload_begun", upload_id=str(upload.id), length=length)
    offset = 0
    if headers.is_body_type(request.headers.get("content-type", "")):
        async with nullcontext() if idempotency_key else _only_if_heard(request, uploads, upload):
            upload, offset = await _append(request, upload, 0, checksum)
    return _begun(upload, offset)


def _begun(upload: Upload, offset: int) -> Response:
    return Response(status_code=201, headers={"Location": f"{PREFIX}/{upload.id}", **_standing(upload, offset)})


@router.get("", summary="The caller's uploads that are not finished", responses=problems(401, 507))
@router.get("/", include_in_schema=False)
async def unfinished(request: Request, response: Response, player_id: CurrentPlayer) -> list[UploadOut]:
    """Newest first, for a client that lost their addresses: each counts as a video in process until it is given up."""
    uploads: Uploads = request.app.state.uploads
    response.headers["Cache-Control"] = "no-store"
    return [UploadOut.of(upload, offset) for upload, offset in await at_storage(uploads.unfinished, player_id)]


@router.head(
    "/{upload_id}",
    summary="How much has arrived",
    openapi_extra=_TUS,
    responses=problems(401, 404, 410, 412, 415, 423, 507),
)
async def look(request: Request, player_id: CurrentPlayer, upload_id: str) -> Response:
    """Core Protocol, HEAD: where to go on."""
    upload, offset = await _settled(request, player_id, upload_id)
    told = {"Upload-Length": str(upload.length), "Cache-Control": "no-store", **_standing(upload, offset)}
    if upload.sent_metadata:
        told["Upload-Metadata"] = upload.sent_metadata
    return Response(headers=told)


@router.get("/{upload_id}", summary="How much has arrived, in JSON", responses=problems(401, 404, 410, 415, 423, 507))
async def show(request: Request, response: Response, player_id: CurrentPlayer, upload_id: str) -> UploadOut:
    """The same in JSON, with the video's id once there is one: for a client that lost its last answer."""
    upload, offset = await _settled(request, player_id, upload_id)
    response.headers["Cache-Control"] = "no-store"
    return UploadOut.of(upload, offset)


@router.patch(
    "/{upload_id}",
    summary="Send the next piece",
    status_code=204,
    openapi_extra=_TUS | {"requestBody": _BODY | {"required": True}},
    responses=problems(400, 401, 404, 409, 410, 412, 413, 415, 423, 429, 460, 507),
)
async def append(
    request: Request,
    player_id: CurrentPlayer,
    upload_id: str,
    upload_offset: Annotated[str | None, Header(description="Where this piece begins, in bytes; always needed")] = None,
    upload_checksum: Annotated[str | None, Header(description=_CHECKSUM)] = None,
) -> Response:
    """Core Protocol, PATCH: go on. The last piece's answer has the video's id in `Anb-Video-Id`."""
    if not headers.is_body_type(request.headers.get("content-type", "")):
        raise UnsupportedMediaError("not_offset_stream")
    wanted = headers.parse_count("Upload-Offset", upload_offset)
    checksum = headers.parse_checksum(upload_checksum)
    state = request.app.state
    uploads: Uploads = state.uploads
    upload = await run_in_threadpool(uploads.find, player_id, headers.parse_id(upload_id))
    upload, offset = await at_storage(uploads.postpone, upload)
    if wanted != offset:
        raise _wrong_offset(offset)
    declared = declared_length(request) or 0
    if offset + declared > upload.length:
        raise longer_than_declared()
    if upload.finished_at is None:
        free = await at_storage(uploads.staging.free_bytes)
        require_room(free, state.settings, declared)
        upload, offset = await _append(request, upload, offset, checksum)
    return Response(status_code=204, headers=_standing(upload, offset))


@router.delete(
    "/{upload_id}",
    status_code=204,
    summary="Give the upload up",
    openapi_extra=_TUS,
    responses=problems(401, 403, 404, 410, 412),
)
async def terminate(request: Request, player_id: CurrentPlayer, upload_id: str) -> None:
    """Termination: forget it, bytes and all. 403 once it is a video, which is deleted under its own address."""
    uploads: Uploads = request.app.state.uploads
    upload = await run_in_threadpool(uploads.find, player_id, headers.parse_id(upload_id))
    if not await at_storage(uploads.drop, upload):
        upload = await run_in_threadpool(uploads.find, player_id, upload.id)  # 404 where another request was first
        # Not 409: tus clients repeat what was refused so.
        raise ForbiddenError("upload_is_video", video_id=str(upload.id))
    log.info("upload_terminated", upload_id=upload_id)


async def _append(
    request: Request, upload: Upload, offset: int, checksum: headers.Checksum | None
) -> tuple[Upload, int]:
    """Take the body, and make a video of the upload if it is whole then. Returns the row and the offset as they are."""
    uploads: Uploads = request.app.state.uploads
    try:
        async with turn(uploads.staging, upload.id) as staged:
            if staged.size != offset:
                raise _wrong_offset(staged.size)
            if checksum:
                await at_storage(uploads.require_patience, upload)
            await _receive(request, uploads, upload, staged, checksum)
            offset = staged.size
            if offset == upload.length:
                upload = await _finished(request, upload, staged)
            elif offset:  # while it is in our hands: however long the body took, the sweep finds it alive
                upload, _ = await at_storage(uploads.postpone, upload)
    except FileNotFoundError:  # finished by another request, or terminated: then this is 404
        raise _wrong_offset((await at_storage(uploads.offset, upload))[1]) from None
    except UnsupportedMediaError:
        await leave_storage(uploads.drop, upload)
        raise
    return upload, offset


async def _receive(
    request: Request, uploads: Uploads, upload: Upload, staged: StagedFile, checksum: headers.Checksum | None
) -> None:
    try:
        await receive_into(staged, request.receive, upload.length, checksum)
    except AnbError:
        if staged.discarded:
            await at_storage(uploads.count_discarded, upload, staged.discarded)
        raise


async def _finished(request: Request, upload: Upload, staged: StagedFile) -> Upload:
    uploads: Uploads = request.app.state.uploads
    if await at_storage(uploads.finish, upload, staged, request.scope["anb.request_id"]):
        await ring(request, upload.id)
    return await run_in_threadpool(uploads.find, upload.player_id, upload.id)


async def _settled(request: Request, player_id: uuid.UUID, upload_id: str) -> tuple[Upload, int]:
    """The row and the offset. One that is whole, but whose process died before it was a video, becomes one here."""
    uploads: Uploads = request.app.state.uploads
    upload = await run_in_threadpool(uploads.find, player_id, headers.parse_id(upload_id))
    upload, offset = await at_storage(uploads.offset, upload)
    if offset == upload.length and upload.finished_at is None:
        try:
            async with turn(uploads.staging, upload.id) as staged:
                upload = await _finished(request, upload, staged)
        except FileNotFoundError:
            upload, offset = await at_storage(uploads.offset, upload)
        except UnsupportedMediaError:
            await leave_storage(uploads.drop, upload)
            raise
    return upload, offset


@asynccontextmanager
async def _only_if_heard(request: Request, uploads: Uploads, upload: Upload) -> AsyncIterator[None]:
    """Nobody can go on with an upload whose address was never told, and that has no key to ask for it by."""
    try:
        yield
    except Exception:
        await leave_storage(uploads.drop, upload)
        raise
    if await request.is_disconnected():
        await leave_storage(uploads.drop, upload)


def _standing(upload: Upload, offset: int) -> dict[str, str]:
    told = {"Upload-Offset": str(offset), "Upload-Expires": headers.expires(upload.expires_at)}
    if upload.video_id:
        told["Anb-Video-Id"] = str(upload.video_id)
    return told


def _wrong_offset(offset: int) -> ConflictError:
    return ConflictError("wrong_offset", offset=offset)
