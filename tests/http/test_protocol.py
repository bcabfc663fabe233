import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.responses import StreamingResponse
from tests.server import answer_on, is_whole, server_of, serving, talk
from uvicorn.server import ServerState

from anb.http import protocol
from anb.http.protocol import DrainingProtocol, HalfOpenProtocol

HEAD = b"POST /api/auth/login HTTP/1.1\r\nHost: anb\r\n"


@pytest.mark.parametrize(
    "endless", [b"GET /" + b"a" * 70_000, HEAD + b"X: " + b"a" * 70_000, HEAD + b"X: a\r\n" * 12_000]
)
def test_an_endless_head_is_refused_while_it_comes(app: FastAPI, endless: bytes) -> None:
    with serving(app) as port:
        assert talk(port, endless, half_close=False).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("endless", [b"0\r\nX: " + b"a" * 1_000_000, b"1;" + b"a" * 1_000_000])
def test_endless_trailers_and_chunk_extensions_end_the_connection(app: FastAPI, endless: bytes) -> None:
    answer = b""
    with serving(app) as port, contextlib.suppress(ConnectionError):  # reset, where more of it was on its way
        answer = talk(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + endless, half_close=False)
    assert answer == b""


def test_a_long_body_and_many_requests_on_one_connection_are_no_head(app: FastAPI) -> None:
    request = HEAD + b"Content-Length: 60000\r\n\r\n" + bytes(60_000)
    with serving(app) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for _ in range(3):
            connection.sendall(request)
            assert answer_on(connection).startswith(b"HTTP/1.1 422 ")


def test_a_head_that_does_not_end_in_time_ends_the_connection_and_a_slow_body_does_not(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "_LONGEST_HEAD_S", 0.2)
    with serving(app) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\n{")
        connection.settimeout(0.5)
        with pytest.raises(TimeoutError):  # still open, and nothing said
            connection.recv(1)
        connection.settimeout(20)
        connection.sendall(b"}")
        assert answer_on(connection).startswith(b"HTTP/1.1 422 ")
        connection.sendall(HEAD)
        assert connection.recv(65536) == b""
        assert talk(port, b"G", half_close=False) == b""


def test_who_says_nothing_at_all_is_hung_up_on(app: FastAPI) -> None:
    with server_of(app, _Impatient) as (_, port):
        assert talk(port, b"", half_close=False) == b""


class _Impatient(HalfOpenProtocol):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.timeout_keep_alive = 1


def test_a_server_that_stops_answers_what_still_comes_on_a_kept_connection(app: FastAPI) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: anb\r\n\r\n"
    with (
        server_of(app, DrainingProtocol) as (server, port),
        socket.create_connection(("127.0.0.1", port), timeout=20) as kept,
        socket.create_connection(("127.0.0.1", port), timeout=20) as fresh,
    ):
        kept.sendall(request)
        assert b"connection: close" not in answer_on(kept)
        server.should_exit = True
        _until_refused(port)
        for connection in (kept, fresh):
            connection.sendall(request)
            answer = answer_on(connection)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert b"connection: close" in answer
            assert connection.recv(65536) == b""


def test_a_server_that_stops_within_an_answer_keeps_the_connection_that_it_promised() -> None:
    request = b"GET / HTTP/1.1\r\nHost: anb\r\n\r\n"
    app = FastAPI()
    rest = threading.Event()

    def halves() -> Iterator[str]:
        yield "A"
        rest.wait(20)
        yield "B"

    @app.get("/")
    def slowly() -> StreamingResponse:
        return StreamingResponse(halves(), headers={"Content-Length": "2"})

    with (
        server_of(app, DrainingProtocol) as (server, port),
        socket.create_connection(("127.0.0.1", port), timeout=20) as kept,
    ):
        kept.sendall(request)
        first = kept.recv(65536)
        server.should_exit = True
        _until_refused(port)
        rest.set()
        while not is_whole(first):
            first += kept.recv(65536)
        kept.sendall(request)
        second = answer_on(kept)
    assert b"connection: close" not in first
    assert b"connection: close" in second
    assert second.endswith(b"AB")


async def _nothing(_scope: object, _receive: object, _send: object) -> None: ...


def test_a_connection_that_was_just_being_accepted_hears_of_it_too() -> None:
    """uvicorn asks those that are there; this one is made a moment later."""

    async def late_keeps_alive() -> bool:
        config = uvicorn.Config(_nothing, http=DrainingProtocol, log_config=None)
        config.load()
        state = ServerState()
        known, late = (DrainingProtocol(config, state, {}) for _ in range(2))
        known.connection_made(Mock(asyncio.Transport))
        known.shutdown()
        late.connection_made(Mock(asyncio.Transport))
        late.data_received(b"GET /health HTTP/1.1\r\nHost: anb\r\n\r\n")
        return bool(late.cycle.keep_alive)

    assert not asyncio.run(late_keeps_alive())


def test_it_waits_for_no_idle_connection_for_ever(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "IDLE_WHILE_DRAINING_S", 0.2)
    with (
        server_of(app, DrainingProtocol) as (server, port),
        socket.create_connection(("127.0.0.1", port), timeout=20) as idle,
    ):
        idle.sendall(b"GET /health HTTP/1.1\r\nHost: anb\r\n\r\n")
        answer_on(idle)
        server.should_exit = True
        assert idle.recv(65536) == b""


def _until_refused(port: int) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            socket.create_connection(("127.0.0.1", port), timeout=20).close()
