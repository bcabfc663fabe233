"""An answer that comes before the request's body has ended.

A server that answers and closes while bytes still arrive makes the kernel send a reset, and the client may lose the
answer with it. So the answer goes out whole at once, and what still arrives is read and dropped for a short while
(nginx calls it lingering close).
"""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_LONGEST_S = 10.0
_LONGEST_SILENCE_S = 2.0
_MOST_AT_ONCE = 100
"""In this process. Whoever is refused beyond that may lose the answer: a crowd that asks to be refused, and then sends
nothing, must not hold the connections that others need."""

_lingering: set[Receive] = set()


class Lingering(Response):
    def __init__(self, answer: Response) -> None:
        super().__init__(answer.body, answer.status_code)
        self.raw_headers = [*answer.raw_headers, (b"connection", b"close")]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await linger(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


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
