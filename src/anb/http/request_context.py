"""What every request gets: an id, a log line, its place in the metrics, the security headers."""

import asyncio
import time
import uuid
from typing import cast

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anb import metrics
from anb.db import new_id
from anb.errors import BusyError
from anb.http import security_headers
from anb.http.problems import answer, unforeseen

log = structlog.get_logger(__name__)


class RequestContext:
    """Gives each request an id that every log line and the answer carry, times it and counts it.

    Pure ASGI: Starlette's BaseHTTPMiddleware costs a hot route 1.7 times its CPU.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope["anb.request_id"] = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        status = 500
        answered = False

        async def observed(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], True
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    *security_headers.missing(message["headers"], https=scope["scheme"] == "https"),
                ]
            await send(message)

        try:
            await self.app(scope, receive, observed)
        except asyncio.CancelledError:
            if answered:
                raise
            # The server is asked to stop and waits no longer, as for an upload on a slow link.
            await answer(Request(scope), BusyError("temporarily_unavailable"))(scope, receive, observed)
        except Exception as error:
            if answered:
                raise  # half an answer is there: the server cuts it off
            await unforeseen(Request(scope), error)(scope, receive, observed)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "unknown")
            metrics.REQUESTS.labels(metrics.method_label(scope["method"]), route, status).inc()
            metrics.REQUEST_SECONDS.labels(route).observe(seconds)
            if status < 400 and route not in _MACHINES_ASK:
                metrics.VISITORS.saw(_who(scope), time.time())
            named = {"video_id": str(path["video_id"])} if "video_id" in (path := scope.get("path_params", {})) else {}
            log.info(
                "request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1),
                **named,
            )  # fmt: skip


_MACHINES_ASK = frozenset({"/health", "/ready", "/metrics"})


def _who(scope: Scope) -> bytes:
    """The player whose token was checked (players/auth.py), for what anybody may write is nobody yet; else the address,
    behind which there may be several."""
    player_id: uuid.UUID | None = scope["state"].get("player_id")
    return (scope.get("client") or ("",))[0].encode() if player_id is None else player_id.bytes


def _request_id(scope: Scope) -> str:
    """The proxy's or the client's own id where it is a plain one, so that their logs join ours."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and 8 <= len(value) <= 64 and value.replace(b"-", b"").isalnum():
            return cast("bytes", value).decode()
    return new_id().hex
