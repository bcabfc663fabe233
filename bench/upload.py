"""How much larger the server's process becomes while it takes 100 MB."""

import http.client
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anb import migrations
from anb.db import Database, new_id
from anb.players.models import Player
from anb.players.tokens import Signer
from bench import shapes
from bench.world import World, people

GOAL_MIB = 16
SIZE = 100_000_000
_CHUNK = bytes(256 * 1024)
_EDGE = "bench-edge"
_HEAD = (
    f'--{_EDGE}\r\nContent-Disposition: form-data; name="title"\r\n\r\nTriple\r\n--{_EDGE}\r\n'
    'Content-Disposition: form-data; name="file"; filename="c.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
).encode()
_MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
_TAIL = f"\r\n--{_EDGE}--\r\n".encode()


def measure(folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    database = Database(f"sqlite:///{folder / 'anb.db'}")
    migrations.upgrade(database)
    player = _somebody(database)
    database.dispose()
    token = Signer(shapes.SECRET, 3600).player_token(player)
    with shapes.running(shapes.UP, folder) as (port, process):
        _send(port, token, 1_000_000)  # what every first request loads is not the upload's
        time.sleep(2)  # and its worker's probe, which finds no video in it
        before = _status(process, "VmRSS")
        Path(f"/proc/{process}/clear_refs").write_text("5")  # resets the high-water mark, proc(5)
        seconds = _send(port, token, SIZE)
        highest = _status(process, "VmHWM")
    return {
        "growth_mib": round((highest - before) / 1024, 1),
        "goal_mib": GOAL_MIB,
        "resident_before_mib": round(before / 1024, 1),
        "size_mb": SIZE // 1_000_000,
        "mb_per_s": round(SIZE / 1e6 / seconds, 1),
    }


def _somebody(database: Database) -> Any:
    world = World([new_id()], [])
    with database.write() as session:
        session.add(Player(**people(world)[0]))
    return world.players[0]


def _send(port: int, token: str, size: int) -> float:
    """Seconds until the answer: the file is safe on disk by then."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": f"multipart/form-data; boundary={_EDGE}",
        "Content-Length": str(len(_HEAD) + size + len(_TAIL)),
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    started = time.perf_counter()
    connection.request("POST", "/api/videos/upload", _body(size), headers)
    answer = connection.getresponse()
    elapsed = time.perf_counter() - started
    if answer.status != 202:
        raise RuntimeError(f"the upload was answered {answer.status}: {answer.read()[:300]!r}")
    connection.close()
    return elapsed


def _body(size: int) -> Iterator[bytes]:
    yield _HEAD + _MP4
    left = size - len(_MP4)
    while left > 0:
        yield _CHUNK[: min(left, len(_CHUNK))]
        left -= len(_CHUNK)
    yield _TAIL


def _status(process: int, name: str) -> int:
    """In KiB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise RuntimeError(f"the kernel tells no {name}")
