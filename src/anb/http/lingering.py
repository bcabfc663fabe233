"""An answer that comes before the request's body has ended.

A server that answers and closes while bytes still arrive makes the kernel send a reset, and the client may lose the
answer with it. So the answer goes out whole at once, and what still arrives is read and dropped for a short while
(nginx calls it lingering close).
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LONGEST_S = 10.0
_LONGEST_SILENCE_S = 2.0
_MOST_AT_ONCE = 100
"""In this process. Beyond this many, a refused client may lose its answer: clients that provoke a refusal and then
stall must not occupy the connections that others need."""

_lingering: set[Receive] = set()


class HeardRefusals:
    """Of requests to `path`: an answer that comes before the end of a body is heard, whichever check gave it."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == self.path:
            exchange = Exchange(scope, receive, send)
            receive, send = exchange.receive, exchange.send
        await self.app(scope, receive, send)


class Exchange:
    """One request and its answer, watched for a body that has not ended when the answer is there."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        told = dict(scope["headers"])
        self._ended = told.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in told

    async def receive(self) -> Message:
        message = await self._receive()
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if self._ended:
            pass
        elif message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        elif not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await linger(self._receive)
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)


async def linger(receive: Receive) -> None:
    """Read and drop what still arrives, for a short while, unless that is being done for too many already."""
    if len(_lingering) >= _MOST_AT_ONCE:
        return
    _lingering.add(receive)
    try:
        async with asyncio.timeout(_LONGEST_S):
            await _drop_body(receive)
    except TimeoutError:
        pass
    finally:
        _lingering.discard(receive)


async def _drop_body(receive: Receive) -> None:
    more = True
    while more:
        async with asyncio.timeout(_LONGEST_SILENCE_S):
            message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)
