"""Seen from outside: alive, ready, and in numbers."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Literal

import structlog
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse, Response

from anb import __version__, migrations
from anb.errors import NotFoundError
from anb.operations import scrape
from anb.processing.ffmpeg import find_ffmpeg
from anb.replica import PublicReads
from anb.storage.patience import Patience

log = structlog.get_logger(__name__)
router = APIRouter(tags=["health"])

_ESSENTIAL = {"database", "storage", "disk"}
"""Without one of these no upload can be taken. Without the broker or FFmpeg it is taken, and processed later."""

PATIENCE_S = 3.0
"""For all parts together, and well below what a probe waits (`timeoutSeconds` of deployment/kubernetes/base/web.yaml):
one that hears nothing takes the server away, though it may serve without the part that is silent."""

_patience: defaultdict[str, Patience] = defaultdict(lambda: Patience(PATIENCE_S))

_LONGEST_UNTAKEN_S = 120
"""With a worker there, the sweep has rung again and again by then."""


class NotReadyError(Exception):
    """In words of ours, which anybody may read. A driver's own name hosts and users: those go to the log."""


class Part(BaseModel):
    ok: bool
    ms: float
    detail: str = ""


class Readiness(BaseModel):
    status: Literal["ready", "degraded", "not_ready"]
    parts: dict[str, Part]


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "healthy", "version": __version__}


@router.head("/ready", include_in_schema=False)
@router.get("/ready", response_model=Readiness, responses={503: {"model": Readiness}})
async def ready(request: Request) -> Response:
    """Whether it can do its work: each part, timed in milliseconds."""
    checks = _checks(request)
    timed = await asyncio.gather(*(_timed(name, check) for name, check in checks.items()))
    parts = dict(zip(checks, timed, strict=True))
    failing = {name for name, part in parts.items() if not part.ok}
    status: Literal["ready", "degraded", "not_ready"] = "ready"
    if failing:
        status = "not_ready" if failing & _ESSENTIAL else "degraded"
    readiness = Readiness(status=status, parts=parts)
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(readiness.model_dump(), 503 if status == "not_ready" else 200, headers)


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Prometheus text, of all processes of this server."""
    if request.scope["raw_path"] != b"/metrics":  # a load balancer that hides it compares the path as it was sent
        raise NotFoundError("not_found")
    text = scrape.render(request.app.state.backlog)
    return Response(text, media_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


async def _timed(name: str, check: Callable[[], None]) -> Part:
    started = time.perf_counter()
    try:
        await _patience[name].hear(check)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a part is its answer
        log.warning("part_not_ready", part=name, reason=f"{type(error).__name__}: {error}")
        return Part(ok=False, ms=_since(started), detail=_publicly(error))
    return Part(ok=True, ms=_since(started))


def _publicly(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return str(error) if isinstance(error, NotReadyError) else ""


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


def _checks(request: Request) -> dict[str, Callable[[], None]]:
    state = request.app.state

    def database() -> None:
        if not migrations.serves(migrations.revision(state.database)):
            raise NotReadyError("the schema is not at its newest step: run `anb migrate`")

    def storage() -> None:
        state.storage.check()
        state.uploads.staging.check()

    def disk() -> None:
        free, reserve = state.uploads.free_bytes(), state.settings.disk_reserve_bytes
        if free < reserve:
            raise NotReadyError(f"{free} bytes free, {reserve} are kept in reserve")

    def ffmpeg() -> None:
        find_ffmpeg()

    def worker() -> None:
        if not state.worker_is_alive():
            raise NotReadyError("the worker's thread has ended")
        backlog = state.backlog.now()
        if backlog and backlog.oldest_s > _LONGEST_UNTAKEN_S and not backlog.processing:
            raise NotReadyError(f"a video has been waiting for {backlog.oldest_s:.0f} s and none is being processed")

    return {
        "database": database,
        "broker": state.bell.check,
        "storage": storage,
        "ffmpeg": ffmpeg,
        "disk": disk,
        "worker": worker,
        **({"replica": partial(_check_replica, state.public_reads)} if state.public_reads.has_replica() else {}),
    }


def _check_replica(reads: PublicReads) -> None:
    if not reads.uses_replica():
        raise NotReadyError("the replica is away or too far behind: public pages come from the primary")
