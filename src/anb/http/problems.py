"""Errors as problem documents (RFC 9457): the one place where a kind of error becomes a status."""

from dataclasses import replace
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from anb import db, errors
from anb.errors import AnbError, FieldError, RefusedFieldError
from anb.http.client import answered_in, language
from anb.messages import FIELDS, PROBLEMS
from anb.storage.trouble import StorageError, refusal

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
        {**answered_in(spoken), **(headers or {})},
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
    412: "Not the file, or the version of the protocol, that was asked for",
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


_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    412: "precondition_failed",
    413: "body_too_large",
    416: "range_not_satisfiable",
}
"""For what the framework refuses."""


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
        code = _CODES.get(error.status_code, "malformed_request")
        return problem(request, error.status_code, AnbError(code), _framework_headers(request, error))

    @app.exception_handler(DBAPIError)
    @app.exception_handler(PoolTimeoutError)
    async def _database_trouble(request: Request, error: SQLAlchemyError) -> Response:
        """A server that restarts, a pool that is empty: the same request will do a moment later. A wrong statement
        will not."""
        if db.lacks_schema(error):
            log.error("schema_missing", fix="run `anb migrate`")
            return answer(request, errors.BusyError("temporarily_unavailable"))
        if not db.is_passing(error):
            return unforeseen(request, error)
        log.warning("database_away", reason=type(error).__name__)
        return answer(request, errors.BusyError("temporarily_unavailable"))

    @app.exception_handler(StorageError)
    async def _storage_trouble(request: Request, error: StorageError) -> Response:
        log.error("storage_fails", exc_info=error)
        return answer(request, refusal(error))


def _framework_headers(request: Request, error: HTTPException) -> dict[str, str]:
    told = dict(error.headers or {})
    # Starlette tells the methods of the first route of this path alone.
    return told | {"Allow": ", ".join(_methods_of(request))} if error.status_code == 405 else told


def _methods_of(request: Request) -> list[str]:
    asked = [(method, {**request.scope, "method": method}) for method in _METHODS]
    return [name for name, scope in asked if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)]


_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def unforeseen(request: Request, error: Exception) -> Response:
    """No handler of the framework's: that one stands outside of all that every answer gets (`request_context.py`), and
    has the server log the error a second time."""
    log.error("request_failed", exc_info=error)
    return problem(request, 500, AnbError("internal_error"))


def _field_error(detail: dict[str, Any]) -> FieldError:
    """Pydantic's error types, in the few words that a client needs to tell apart."""
    field = ".".join(str(part) for part in detail["loc"][1:]) or "body"
    kind: str = detail["type"]
    context: dict[str, Any] = detail.get("ctx", {})
    refused = context.get("error")
    if isinstance(refused, RefusedFieldError):
        return replace(refused.error, field=field)
    for prefix, code in _KINDS:
        if kind.startswith(prefix):
            params = {name: value for name, value in context.items() if isinstance(value, str | int)}
            if code == "not_a_choice":
                params = {"choices": context["expected"].replace(" or ", ", ")}
            elif code == "out_of_range":  # all bounds here are inclusive
                params = {"nearest": context["ge" if "ge" in context else "le"]}
            return FieldError(field, code, tuple(params.items()))
    return FieldError(field, "unreadable")


_KINDS = (
    ("missing", "missing"),
    ("string_too_short", "too_short"),
    ("string_too_long", "too_long"),
    ("string_unicode", "bad_characters"),
    ("greater_than_equal", "out_of_range"),
    ("less_than_equal", "out_of_range"),
    ("literal_error", "not_a_choice"),
    ("enum", "not_a_choice"),
    ("string_type", "wrong_type"),
    ("int_", "wrong_type"),
    ("model_attributes_type", "not_json_object"),
    ("model_type", "not_json_object"),
)
