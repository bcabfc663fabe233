import contextlib
import socket

import pytest
from fastapi import FastAPI
from tests.server import serving, talk

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
            assert connection.recv(65536).startswith(b"HTTP/1.1 422 ")
