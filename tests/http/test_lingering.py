"""How many connections are kept for an answer that came before the end of a body."""

import asyncio

import pytest
from fastapi import FastAPI
from starlette.types import Message
from tests.cast import Cast
from tests.server import serving, talk

from anb.http import lingering
from anb.http.lingering import linger


class Body:
    """Arrives when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.comes = asyncio.Event()

    async def receive(self) -> Message:
        self.asked.set()
        await self.comes.wait()
        return {"type": "http.request", "body": b"the rest", "more_body": False}


def test_beyond_a_number_nobody_is_waited_for_and_each_end_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "_MOST_AT_ONCE", 2)

    async def crowd() -> list[bool]:
        first, second, third, fourth = (Body() for _ in range(4))
        waiting = [asyncio.create_task(linger(body.receive)) for body in (first, second)]
        for body in (first, second):
            await body.asked.wait()
        await linger(third.receive)
        first.comes.set()
        await waiting[0]
        fourth.comes.set()
        await linger(fourth.receive)
        second.comes.set()
        await waiting[1]
        return [body.asked.is_set() for body in (first, second, third, fourth)]

    assert asyncio.run(crowd()) == [True, True, False, True]


def test_one_that_breaks_off_makes_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "_MOST_AT_ONCE", 1)
    body = Body()

    async def given_up() -> None:
        waiting = asyncio.create_task(linger(body.receive))
        await body.asked.wait()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        after = Body()
        after.comes.set()
        await linger(after.receive)
        assert after.asked.is_set()

    asyncio.run(given_up())


_REFUSED = [("/api/videos/upload", True, b"413"), ("/api/videos/upload", False, b"401"), ("/api/uploads", True, b"412")]


@pytest.mark.parametrize("path", ["/api/videos/upload", "/api/uploads"])
def test_a_refusal_without_a_body_keeps_the_connection(app: FastAPI, path: str) -> None:
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    last = request.replace("Host: x", "Host: x\r\nConnection: close")
    with serving(app) as port:
        answer = talk(port, (request + last).encode())
    assert answer.count(b"HTTP/1.1 4") == 2


@pytest.mark.parametrize(("path", "with_token", "status"), _REFUSED)
def test_who_is_not_waited_for_is_answered_and_the_connection_closed(
    app: FastAPI, cast: Cast, monkeypatch: pytest.MonkeyPatch, path: str, with_token: bool, status: bytes
) -> None:
    monkeypatch.setattr(lingering, "_MOST_AT_ONCE", 0)
    for name in ("_LONGEST_S", "_LONGEST_SILENCE_S"):
        monkeypatch.setattr(lingering, name, 600.0)
    token = cast.ana.headers["Authorization"] if with_token else "Bearer expired"
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: {10**12}\r\n\r\n"
    with serving(app) as port:
        answer = talk(port, request.encode(), half_close=False)
    assert answer.split()[1] == status
    assert b"connection: close" in answer.lower()
    assert b'"code"' in answer
