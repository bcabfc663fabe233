"""What the tests of the stack ask of it."""

import socket
import subprocess
from pathlib import Path

import httpx2
from deployment.stack.servers import Stack

from anb.processing.ffmpeg import find_ffmpeg

Headers = dict[str, str]


def drawn(path: Path, picture: str) -> bytes:
    """A moving test picture; `picture` are the options of FFmpeg's testsrc2."""
    options = ["-f", "lavfi", "-i", f"testsrc2={picture}", "-pix_fmt", "yuv420p"]
    subprocess.run([find_ffmpeg(), "-v", "error", *options, path], check=True)
    return path.read_bytes()


def upload(http: httpx2.Client, headers: Headers, data: bytes) -> httpx2.Response:
    return http.post("/api/videos/upload", headers=headers, data={"title": "Triple"}, files={"file": ("c.mp4", data)})


def status(http: httpx2.Client, headers: Headers, video_id: str) -> str:
    answer = http.get(f"/api/videos/{video_id}", headers=headers)
    return str(answer.json()["status"]) if answer.status_code == 200 else f"{answer.status_code}"


def connected(stack: Stack, source: str = "127.0.0.1") -> socket.socket:
    """To nginx; `source` is the loopback address that it sees."""
    return socket.create_connection(("127.0.0.1", stack.plan.ports.nginx), timeout=30, source_address=(source, 0))


def raw(stack: Stack, request: str, source: str = "127.0.0.1") -> bytes:
    """All that comes until nginx closes."""
    with connected(stack, source) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))
