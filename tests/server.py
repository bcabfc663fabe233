"""A real server in a thread, for what only a socket shows."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from anb.http.protocol import HalfOpenProtocol


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(app: FastAPI) -> Iterator[int]:
    """Gives the port."""
    with server_of(app, HalfOpenProtocol) as (_, port):
        yield port


@contextmanager
def server_of(app: FastAPI, protocol: type[HalfOpenProtocol]) -> Iterator[tuple[uvicorn.Server, int]]:
    """Gives it, so that it may be told to stop before the end, and its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=protocol, log_config=None, access_log=False, proxy_headers=False, server_header=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            thread.join(0.01)
        try:
            yield server, listener.getsockname()[1]
        finally:  # else a test that fails keeps the whole run from ending
            server.should_exit = True
            thread.join()


def talk(port: int, request: bytes, *, half_close: bool = True) -> bytes:
    """Send, perhaps end our side, and read all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def answer_on(connection: socket.socket) -> bytes:
    """One whole answer, which comes in as many pieces as it likes; less where the connection ends."""
    answer = b""
    while not is_whole(answer) and (chunk := connection.recv(65536)):
        answer += chunk
    return answer


def is_whole(answer: bytes) -> bool:
    """Of an answer that has no body or tells its length; another one ends with its connection."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    return bool(end) and (head[9:12] == b"204" or bool(length and len(body) >= int(length[1])))
