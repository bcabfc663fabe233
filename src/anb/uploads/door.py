"""What holds for every request below `/api/uploads`, before a route is chosen. Pure ASGI, as in `http/`."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anb.errors import PreconditionError
from anb.http.lingering import Exchange
from anb.http.problems import answer
from anb.http.protocol import RESUMABLE, STOPPING
from anb.uploads.headers import VERSION

PREFIX = "/api/uploads"
_WITHOUT_VERSION = {"OPTIONS", "GET"}  # GET is no part of tus: it is ours, for people and programs


class TusDoor:
    """Core Protocol, Headers: `X-HTTP-Method-Override` and `Tus-Resumable`.

    And an answer that comes before the end of a body is heard, whichever check gave it: see `http/lingering.py`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not (scope["path"] + "/").startswith(PREFIX + "/"):
            await self.app(scope, receive, send)
            return
        # A copy: the server frames its answer by the method that the client really sent.
        inner = {**scope, "method": _method(scope)}
        # Of a piece with a checksum nothing is kept but the whole: ended early it would be told to be damaged.
        scope[RESUMABLE] = inner["method"] == "PATCH" and not _header(scope, b"upload-checksum")
        exchange = _TusExchange(scope, receive, send)
        if inner["method"] not in _WITHOUT_VERSION and _header(scope, b"tus-resumable") != VERSION:
            refusal = answer(Request(scope), PreconditionError("tus_version", version=VERSION))
            refusal.headers["Tus-Version"] = VERSION
            await refusal(inner, exchange.receive, exchange.send)
            return
        try:
            await self.app(inner, exchange.receive, exchange.send)
        finally:
            scope["route"] = inner.get("route")


class _TusExchange(Exchange):
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self._scope = scope

    async def receive(self) -> Message:
        message = await super().receive()
        if not self._ended and STOPPING in self._scope:
            return {**message, "more_body": False}
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"tus-resumable", VERSION.encode())]}
        await super().send(message)


def _method(scope: Scope) -> str:
    """For clients whose network lets only GET and POST through."""
    wanted = _header(scope, b"x-http-method-override").upper()
    return wanted if wanted.isalpha() else str(scope["method"])


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
