"""Requests over kept connections to 127.0.0.1, as many as the server takes; a client that costs little beside it."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvloop

from bench.figures import milliseconds

WARM_UP_S = 1.0


@dataclass
class Tally:
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return round(len(self.latencies) / self.seconds, 1)

    def p(self, percent: float) -> float:
        return milliseconds(self.latencies, percent)


def request(method: str, path: str, token: str = "", more: str = "") -> bytes:
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{authorization}{length}{more}\r\n".encode()


def run(port: int, requests: Iterable[bytes], *, connections: int, seconds: float) -> Tally:
    """Each connection sends its next request when the last is answered. What the warm-up did is counted apart."""
    source = iter(requests)
    warm = uvloop.run(_run(port, source, connections, WARM_UP_S))
    tally = uvloop.run(_run(port, source, connections, seconds))
    tally.statuses.update(warm.statuses)
    return tally


async def _run(port: int, source: Iterator[bytes], connections: int, seconds: float) -> Tally:
    tally = Tally()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    ends = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(partial(_Client, source, tally, started + seconds, end), "127.0.0.1", port)
    await asyncio.gather(*ends)
    tally.seconds = time.perf_counter() - started
    return tally


class _Client(asyncio.Protocol):
    """Reads as much HTTP as our own answers need: a status, a Content-Length, a body."""

    def __init__(self, source: Iterator[bytes], tally: Tally, deadline: float, end: "asyncio.Future[None]") -> None:
        self._source = source
        self._tally = tally
        self._deadline = deadline
        self._end = end
        self._answer = b""
        self._sent = 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # uvloop's own kind: it writes, and is no asyncio.Transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end_of_head, body = self._answer.partition(b"\r\n\r\n")
        if end_of_head and len(body) >= _length(head):
            self._tally.latencies.append(time.perf_counter() - self._sent)
            self._tally.statuses[int(head[9:12])] += 1
            self._answer = b""
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._end.done():
            self._end.set_exception(error or ConnectionError("the server closed a kept connection"))

    def _next(self) -> None:
        self._sent = time.perf_counter()
        following = next(self._source, None) if self._sent < self._deadline else None
        if following is None:
            self._end.set_result(None)
            self._transport.close()
        else:
            self._transport.write(following)


def _length(head: bytes) -> int:
    place = head.lower().index(b"content-length:") + 15
    return int(head[place:].partition(b"\r\n")[0])
