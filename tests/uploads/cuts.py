"""`make tus-cuts`: two real clients, a link that breaks a hundred times, and then one file of two gigabytes.

    python -m tests.uploads.cuts [--cuts 100] [--seed 1] [--large-mb 2048]

Ends with 1 where a file arrived changed, twice or not at all, or where a server's memory grew with it.
"""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from anb import migrations
from anb.db import Database
from tests.cast import MP4_HEAD
from tests.uploads.clients import with_tus_js_client, with_tuspy
from tests.uploads.cutting import CuttingProxy
from tests.uploads.processes import WebServer
from tests.watching import every

_MB = 1024 * 1024
_PER_CUT = 600_000  # bytes of a file for each cut that it is meant to suffer
_LONGEST = 900_000
_MEMORY_GROWS_BY_AT_MOST = 32 * _MB

Client = Callable[[Path, str, str], str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--large-mb", type=int, default=2048, help="0 leaves that part out")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="anb-cuts-") as name:
        folder = Path(name)
        fine = [_cut(folder, client, wish.cuts, wish.seed) for client in (with_tuspy, with_tus_js_client) if wish.cuts]
        if wish.large_mb:
            fine.append(_large(folder, wish.large_mb))
    return 0 if all(fine) else 1


def _server(folder: Path, workers: int, largest: int) -> WebServer:
    url = f"sqlite:///{folder / 'anb.db'}"
    database = Database(url)
    migrations.upgrade(database)
    database.dispose()
    limits = {"ANB_MAX_UPLOAD_BYTES": str(largest), "ANB_MAX_BYTES_A_DAY": str(10 * largest)}
    return WebServer(folder, url, "memory://", workers, **limits)


def _write(path: Path, size: int, seed: int) -> str:
    """A file that begins like a video. Returns its SHA-256."""
    source = random.Random(seed)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in (MP4_HEAD, *(source.randbytes(_MB) for _ in range(size // _MB))):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _cut(folder: Path, client: Client, cuts: int, seed: int) -> bool:
    """One upload after the other until the link has broken so often."""
    done = uploads = 0
    fine = True
    started = time.monotonic()
    time.monotonic()
    with _server(folder, workers=2, largest=200 * _MB) as server:
        token = server.token()
        while done < cuts:
            uploads += 1
            source = folder / "source.mp4"
            wanted = min(cuts - done, 25)
            sha256 = _write(source, wanted * _PER_CUT, seed + uploads)
            proxy = CuttingProxy(server.port, wanted, _LONGEST, seed + uploads)
            with proxy.running():
                path = client(source, f"http://127.0.0.1:{proxy.port}/api/uploads", token)
            done += proxy.cuts
            fine &= _arrived(server, token, folder, path, sha256)
        listed = httpx2.get(f"{server.url}/api/videos", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
        mine = [video for video in listed.json() if video["title"] == "Mi mejor triple"]
        once = len(mine) == uploads
        for video in mine:
            httpx2.delete(f"{server.url}/api/videos/{video['id']}", headers={"Authorization": f"Bearer {token}"},
                          trust_env=False)  # fmt: skip
    verdict = "the same" if fine else "ANOTHER"
    seconds = time.monotonic() - started
    print(f"{client.__name__}: {uploads} files, {done} cuts, {verdict} SHA-256, {len(mine)} videos, {seconds:.0f} s",
          flush=True)  # fmt: skip
    return fine and once


def _arrived(server: WebServer, token: str, folder: Path, path: str, sha256: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    video_id = httpx2.get(f"{server.url}{path}", headers=headers, trust_env=False).json()["video_id"]
    with (folder / "media" / "uploads" / f"{video_id}.mp4").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _large(folder: Path, megabytes: int) -> bool:
    """One long PATCH; the memory of each process of the server is looked at all the while."""
    source = folder / "large.mp4"
    sha256 = _write(source, megabytes * _MB, 1)
    with _server(folder, workers=1, largest=source.stat().st_size) as server:
        token = server.token()
        _warm(server, token)
        headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
        begin = {"Upload-Length": str(source.stat().st_size), "Upload-Metadata": "title dGl0bGU="}
        with httpx2.Client(base_url=server.url, headers=headers, trust_env=False, timeout=600) as client:
            path = client.post("/api/uploads", headers=begin).raise_for_status().headers["Location"]
            memory = _Memory(server.process.pid)
            with every(0.1, memory.look), source.open("rb") as file:
                started = time.monotonic()
                piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream",
                         "Content-Length": str(source.stat().st_size)}  # fmt: skip
                answer = client.patch(path, headers=piece, content=iter(lambda: file.read(_MB), b""))
                seconds = time.monotonic() - started
        whole = answer.status_code == 204 and _arrived(server, token, folder, path, sha256)
    grew = memory.most - memory.least
    verdict = "the same" if whole else "ANOTHER"
    print(f"{megabytes} MB in one PATCH: {answer.status_code}, {verdict} SHA-256, {megabytes / seconds:.0f} MB/s, "
          f"resident {memory.least / _MB:.0f} to {memory.most / _MB:.0f} MB", flush=True)  # fmt: skip
    return whole and grew <= _MEMORY_GROWS_BY_AT_MOST


def _warm(server: WebServer, token: str) -> None:
    """The first upload loads what every later one uses."""
    headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0", "Upload-Length": str(len(MP4_HEAD)),
               "Upload-Metadata": "title dGl0bGU=", "Content-Type": "application/offset+octet-stream"}  # fmt: skip
    httpx2.post(f"{server.url}/api/uploads", headers=headers, content=MP4_HEAD, trust_env=False).raise_for_status()


class _Memory:
    """Resident bytes of a process and its children: the least and the most."""

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self.least = self.most = self._resident()

    def look(self) -> None:
        now = self._resident()
        self.least, self.most = min(self.least, now), max(self.most, now)

    def _resident(self) -> int:
        children = Path(f"/proc/{self._parent}/task/{self._parent}/children").read_text().split()
        return sum(_resident_of(pid) for pid in (str(self._parent), *children))


def _resident_of(pid: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    sys.exit(main())
