"""What must never be asked for: an HTTP server that counts, with a film that would be seen in an output."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.media.hostile.kit import Bait, lay_bait


class Canary:
    def __init__(self) -> None:
        self.bait = Bait(Path(), "")
        self.asked: list[str] = []


@contextmanager
def canary(folder: Path) -> Iterator[Canary]:
    bird = Canary()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            bird.asked.append(self.path)
            film = bird.bait.film.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(film)))
            self.end_headers()
            self.wfile.write(film)

        def log_message(self, *_: object) -> None:
            """`asked` is the log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        bird.bait = lay_bait(folder, f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield bird
        server.shutdown()
        thread.join()
