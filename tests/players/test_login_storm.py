"""A storm of log-ins fills its own line and nobody else's."""

import json
import threading
import uuid
from collections import Counter

import pytest
from fastapi import FastAPI
from tests.cast import PASSWORD, wish
from tests.server import serving, talk

CLIENTS = 80
LINE = 20


def post(path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: anb\r\nConnection: close\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def test_everybody_else_is_answered_while_many_log_in(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes when the line is full hears 429 at once; whoever is in it gets a token."""
    monkeypatch.setattr("anb.players.hashing._LONGEST_LINE", LINE)
    statuses: list[bytes] = []
    email = f"{uuid.uuid4().hex}@example.com"
    log_in = post("/api/auth/login", {"email": email, "password": PASSWORD})
    with serving(app) as port:
        assert b" 201 " in talk(port, post("/api/auth/signup", wish(email=email)))
        storm = [threading.Thread(target=lambda: statuses.append(talk(port, log_in)[9:12])) for _ in range(CLIENTS)]
        for thread in storm:
            thread.start()
        in_the_middle = 0
        while len(statuses) < CLIENTS:
            assert b" 200 " in talk(port, b"GET /health HTTP/1.1\r\nHost: anb\r\nConnection: close\r\n\r\n")
            in_the_middle += len(statuses) < CLIENTS
        for thread in storm:
            thread.join()
    assert in_the_middle
    counted = Counter(statuses)
    assert counted.keys() <= {b"200", b"429"}
    assert counted[b"200"] >= LINE
