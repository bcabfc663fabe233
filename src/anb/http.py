"""What is the same for every request: errors as problem documents, language, request id, small bodies."""

import time
from dataclasses import replace
from typing import Any, cast

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anb import db, errors, metrics, security_headers
from anb.db import new_id
from anb.errors import AnbError, FieldError
from anb.messages import FIELDS, PROBLEMS, Language
from anb.storage.trouble import refusal

log = structlog.get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"

STATUS: dict[type[AnbError], int] = {
    errors.MalformedError: 400,
    errors.UnauthenticatedError: 401,
    errors.ForbiddenError: 403,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.GoneError: 410,
    errors.PreconditionError: 412,
    errors.TooLargeError: 413,
    errors.UnsupportedMediaError: 415,
    errors.InvalidError: 422,
    errors.LockedError: 423,
    errors.TooManyError: 429,
    errors.ChecksumError: 460,
    errors.BusyError: 503,
    errors.NoRoomError: 507,
}


class FieldProblem(BaseModel):
    field: str
    code: str
    detail: str


class Problem(BaseModel):
    """RFC 9457. `code` is for programs and never changes its meaning; `detail` is for people."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldProblem] = []
    request_id: str


def language(request: Request) -> Language:
    """Spanish unless the client prefers English."""
    return asked_language(request) or "es"


def asked_language(request: Request) -> Language | None:
    """The first of our languages by the client's own weights (RFC 9110, 12.5.4); None when none was asked for."""
    weights: list[tuple[float, Language]] = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, parameter = part.strip().partition(";")
        primary = tag.strip().lower().split("-")[0]
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            weight = 0.0
        if primary in {"es", "en"} and weight > 0:
            weights.append((weight, cast("Language", primary)))
    return max(weights, key=lambda pair: pair[0])[1] if weights else None


def problem(request: Request, status: int, error: AnbError, headers: dict[str, str] | None = None) -> Response:
    spoken = language(request)
    fields = [
        FieldProblem(field=wrong.field, code=wrong.code, detail=FIELDS[wrong.code].render(spoken, dict(wrong.params)))
        for wrong in error.errors
    ]
    text = PROBLEMS[error.code]
    sentences = [text.render(spoken, error.params), *(f"{wrong.field}: {wrong.detail}" for wrong in fields)]
    body = Problem(
        title=text.render("en", error.params),
        status=status,
        code=error.code,
        detail=" ".join(sentences),
        errors=fields,
        request_id=request.scope.get("anb.request_id", ""),
    )
    return Response(
        orjson.dumps(body.model_dump()),
        status,
        {"Content-Language": spoken, "Vary": "Accept-Language", "Cache-Control": "no-store", **(headers or {})},
        PROBLEM_TYPE,
    )


def answer(request: Request, error: AnbError) -> Response:
    """The one place where a kind of error becomes a status."""
    status = STATUS[type(error)]
    return problem(request, status, error, _headers(status, error))


def _headers(status: int, error: AnbError) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if status == 423:
        return {"Retry-After": "1"}
    if status == 429:
        return {"Retry-After": str(error.params.get("seconds", 5))}
    return {"Retry-After": "2"} if status == 503 else {}


def client_address(request: Request) -> str:
    """As `proxies.py` sees it; behind a Unix socket nobody has one."""
    return request.client.host if request.client else ""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: these statuses, each with a problem document."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": _MEANINGS[status], "content": {PROBLEM_TYPE: schema}}
        for status in sorted({*statuses, 503})  # the database may be away from any of them
    }


_MEANINGS = {
    400: "The request cannot be read",
    401: "No valid token",
    403: "Not yours",
    404: "There is no such thing",
    409: "It contradicts what is already there",
    410: "Its time is over",
    412: "Not this version of the protocol",
    413: "Too many bytes",
    415: "Not a video by content",
    416: "No such range",
    422: "Some fields need correction",
    423: "Somebody else is at it; try again soon",
    460: "The checksum does not match (a status of tus)",
    429: "Too many of these at once; try again soon",
    503: "Too many at once; try again soon",
    507: "No room",
}


def install_errors(app: FastAPI) -> None:
    @app.exception_handler(AnbError)
    async def _known(request: Request, error: AnbError) -> Response:
        return answer(request, error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()
        if any(detail["type"] == "json_invalid" for detail in found):
            return answer(request, errors.MalformedError("malformed_json"))
        if any(detail["loc"][0] == "path" for detail in found):  # a malformed id names nothing
            return answer(request, errors.NotFoundError("video_not_found"))
        return answer(request, errors.InvalidError("invalid_fields", errors=tuple(map(_field_error, found))))

    @app.exception_handler(HTTPException)
    async def _framework(request: Request, error: HTTPException) -> Response:
        known = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 416: "range_not_satisfiable"}
        code = known.get(error.status_code, "malformed_request")
        return problem(request, error.status_code, AnbError(code), dict(error.headers or {}))

    @app.exception_handler(DBAPIError)
    @app.exception_handler(PoolTimeoutError)
    async def _database_trouble(request: Request, error: SQLAlchemyError) -> Response:
        """A server that restarts, a pool that is empty: the same request will do a moment later. A wrong statement
        will not."""
        if not db.is_passing(error):
            return await _unknown(request, error)
        log.warning("database_away", reason=type(error).__name__)
        return answer(request, errors.BusyError("temporarily_unavailable"))

    @app.exception_handler(OSError)
    async def _storage_trouble(request: Request, error: OSError) -> Response:
        log.error("storage_fails", exc_info=error)
        return answer(request, refusal(error))

    @app.exception_handler(Exception)
    async def _unknown(request: Request, error: Exception) -> Response:
        log.error("request_failed", exc_info=error)
        return problem(request, 500, AnbError("internal_error"))


def _field_error(detail: dict[str, Any]) -> FieldError:
    """Pydantic's error types, in the few words that a client needs to tell apart."""
    field = ".".join(str(part) for part in detail["loc"][1:]) or "body"
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    refused = context.get("error")
    if isinstance(refused, RefusedFieldError):
        return replace(refused.error, field=refused.error.field or field)
    for prefix, code in _KINDS:
        if kind.startswith(prefix):
            params = {name: value for name, value in context.items() if isinstance(value, str | int)}
            if code == "not_a_choice":
                params = {"choices": context["expected"]}
            return FieldError(field, code, tuple(params.items()))
    return FieldError(field, "unreadable")


_KINDS = (
    ("missing", "missing"),
    ("string_too_short", "too_short"),
    ("string_too_long", "too_long"),
    ("string_unicode", "bad_characters"),
    ("greater_than", "out_of_range"),
    ("less_than", "out_of_range"),
    ("literal_error", "not_a_choice"),
    ("enum", "not_a_choice"),
    ("string_type", "wrong_type"),
    ("int_", "wrong_type"),
    ("model_attributes_type", "wrong_type"),
    ("model_type", "wrong_type"),
)


class RefusedFieldError(ValueError):
    """Raised inside a Pydantic validator: the field is wrong in a way that `messages.FIELDS` has a text for."""

    def __init__(self, code: str, *, field: str = "", **params: str | int) -> None:
        super().__init__(code)
        self.error = FieldError(field, code, tuple(params.items()))


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

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    *security_headers.missing(message["headers"], https=scope["scheme"] == "https"),
                ]
            await send(message)

        try:
            await self.app(scope, receive, observed)
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
    """The token, which is a person's; else the address, behind which there may be several."""
    tokens = (value for name, value in scope["headers"] if name == b"authorization")
    address = (scope.get("client") or ("",))[0]
    return next(tokens, address.encode())


def _request_id(scope: Scope) -> str:
    """The proxy's or the client's own id where it is a plain one, so that their logs join ours."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and 8 <= len(value) <= 64 and value.replace(b"-", b"").isalnum():
            return cast("bytes", value).decode()
    return new_id().hex


class SmallBodies:
    """Holds every body outside the uploads to a size that may be kept in memory."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, except_below: tuple[str, ...]) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.except_below = tuple(f"{path}/" for path in except_below)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or f"{scope['path']}/".startswith(self.except_below):
            await self.app(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_bytes:
                raise HTTPException(413)  # FastAPI takes any other exception here for a malformed body
            return message

        await self.app(scope, counted, send)
