"""Against a server on this machine that speaks as much of Sentry as takes an envelope."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from anb.operations.sentry import report_errors
from anb.settings import SettingsError, load_settings
from tests.conftest import SECRET

# A real application whose ranking breaks, in a process of its own: Sentry's client is a global.
_BROKEN = """
import anb.rankings.repository, sentry_sdk
from anb import migrations
from anb.api import create_app
from anb.settings import load_settings
from starlette.testclient import TestClient

def count(*_):
    password = "tres triples seguidos"
    raise RuntimeError("the ranking broke")

anb.rankings.repository.count = count
app = create_app(load_settings())
migrations.upgrade(app.state.database)
with TestClient(app) as client:
    answer = client.get("/api/public/rankings?city=bogota", headers={"Authorization": "Bearer of-somebody"})
    assert answer.status_code == 500, answer.text
sentry_sdk.flush(10)
"""


@pytest.fixture
def sentry() -> Iterator[tuple[str, list[str]]]:
    """Its DSN, and what it was sent."""
    envelopes: list[str] = []

    class Inbox(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            packed = self.headers.get("content-encoding") == "gzip"
            envelopes.append((gzip.decompress(body) if packed else body).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Inbox) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://key@127.0.0.1:{server.server_port}/1", envelopes
        server.shutdown()
        thread.join()


def run(folder: Path, **environment: str) -> None:
    everything = {"PATH": os.environ["PATH"], "SECRET_KEY": SECRET, "ANB_DATA_DIR": str(folder)} | environment
    done = subprocess.run(
        [sys.executable, "-c", _BROKEN], env=everything, cwd=folder, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_an_error_is_reported_without_anything_that_a_person_sent(
    sentry: tuple[str, list[str]], tmp_path: Path
) -> None:
    dsn, envelopes = sentry
    run(tmp_path, ANB_SENTRY_DSN=dsn)
    told = "\n".join(envelopes)
    assert told.count('"type":"event"') == 1
    assert "the ranking broke" in told
    assert "anb/rankings" in told
    for private in ("of-somebody", "city=bogota", "tres triples", SECRET):
        assert private not in told


def test_without_an_address_nothing_is_reported(sentry: tuple[str, list[str]], tmp_path: Path) -> None:
    _, envelopes = sentry
    run(tmp_path)
    assert envelopes == []


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(SettingsError, match=r"\[sentry\]"):
        report_errors(load_settings(sentry_dsn="http://key@127.0.0.1:9/1"))
