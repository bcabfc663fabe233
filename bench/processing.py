"""Videos per hour of the worker beside bare FFmpeg with the very same arguments.

One at a time, and two at a time as `anb worker` does by default: there the second video uses the cores while the first
is probed, stored and published.
"""

import resource
import subprocess
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

from anb import logs
from anb.db import Database, new_id
from anb.installation import install
from anb.players.models import Player
from anb.processing import convert
from anb.processing.cage import NICENESS
from anb.processing.ffmpeg import find_ffmpeg, run_ffmpeg
from anb.processing.service import Workshop
from anb.settings import load_settings
from anb.videos.models import Video
from anb.worker import Shutdown, make_workshop
from bench.world import World, clips, people

CLIP_S = 30
ROUNDS = 4
GOAL_PERCENT = 97


@dataclass(frozen=True)
class Cost:
    """`cpu_s` tells what the clock cannot while others use the machine."""

    wall_s: float
    cpu_s: float

    @classmethod
    def now(cls) -> "Cost":
        ours, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return cls(time.perf_counter(), ours.ru_utime + ours.ru_stime + ended.ru_utime + ended.ru_stime)

    def until_now(self) -> "Cost":
        end = Cost.now()
        return Cost(end.wall_s - self.wall_s, end.cpu_s - self.cpu_s)


def draw(target: Path) -> None:
    """Full HD at 30 frames a second with sensor noise and a tone, about as heavy as a phone's."""
    picture = f"testsrc2=size=1920x1080:rate=30:duration={CLIP_S},noise=alls=6:allf=t"
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "12M", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run(
        [find_ffmpeg(), "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i",
         f"sine=frequency=440:duration={CLIP_S}", *coding, target], check=True,
    )  # fmt: skip


def measure(folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    draw(folder / "clip.mp4")
    settings = load_settings(data_dir=folder)
    logs.configure(settings.model_copy(update={"log_level": "warning"}))
    database = Database(settings.database)
    install(settings, database)
    workshop = make_workshop(settings, database, Shutdown(), lambda: None)
    worker, bare, worker_pairs, bare_pairs = [], [], [], []
    with patch.object(convert, "run_ffmpeg", wraps=run_ffmpeg) as remembered:
        for turn in range(ROUNDS):
            worker.append(_process(workshop, folder / "clip.mp4"))
            bare.append(_bare(remembered, folder))
            print(
                f"  round {turn + 1}: worker {worker[-1].wall_s:.2f} s, bare FFmpeg {bare[-1].wall_s:.2f} s", flush=True
            )
        for turn in range(ROUNDS):
            worker_pairs.append(_both(lambda: _process(workshop, folder / "clip.mp4")))
            bare_pairs.append(_both(lambda: _bare(remembered, folder)))
            print(
                f"  two at once, round {turn + 1}: worker {worker_pairs[-1]:.2f} s, bare FFmpeg {bare_pairs[-1]:.2f} s",
                flush=True,
            )
    database.dispose()
    return _compared(worker, bare) | {
        "two_at_once": _compared_pairs(worker_pairs, bare_pairs),
        "clip": f"{CLIP_S} s of 1920x1080 at 30 frames a second, H.264 and AAC",
    }


def _process(workshop: Workshop, clip: Path) -> Cost:
    video_id = _pending(workshop, clip)
    started = Cost.now()
    outcome = workshop.process(video_id)
    cost = started.until_now()
    if outcome != "completed":
        raise RuntimeError(f"the clip was not published: {outcome}")
    return cost


def _both(run: Callable[[], Cost]) -> float:
    """Seconds until two that began together, each followed by another one, have ended: four videos."""
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(run) for _ in range(4)]:
            future.result()
    return time.perf_counter() - started


def _compared_pairs(worker: list[float], bare: list[float]) -> dict[str, Any]:
    ours, theirs = min(worker), min(bare)
    return {
        "videos_per_hour": round(4 * 3600 / ours, 1),
        "bare_ffmpeg_per_hour": round(4 * 3600 / theirs, 1),
        "percent_of_bare": round(100 * theirs / ours, 1),
        "worker_s": [round(seconds, 2) for seconds in worker],
        "bare_s": [round(seconds, 2) for seconds in bare],
    }


def _pending(workshop: Workshop, clip: Path) -> uuid.UUID:
    world = World([new_id()], [new_id()])
    person, row = people(world)[0], clips(world)[0]
    person |= {"email": f"{world.players[0]}@example.com", "first_published_at": None}
    row |= {"status": "pending", "progress": 0, "processed_at": None, "processed_key": None, "poster_key": None}
    with workshop.database.write() as session:
        session.add(Player(**person))
        session.flush()
        session.add(Video(**row))
    workshop.storage.put_file(clip, row["original_key"])
    return world.videos[0]


def _bare(remembered: Mock, folder: Path) -> Cost:
    """The worker's last command, its results put elsewhere, at the priority that the worker gives it."""
    call = remembered.call_args
    target = folder / f"bare-{threading.get_ident()}"
    target.mkdir(exist_ok=True)
    command = [argument.replace(str(call.kwargs["workdir"]), str(target)) for argument in call.args[0]]
    started = Cost.now()
    subprocess.run(
        ["nice", "-n", str(NICENESS), *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return started.until_now()


def _compared(worker: list[Cost], bare: list[Cost]) -> dict[str, Any]:
    ours, theirs = (_best(costs) for costs in (worker, bare))
    return {
        "videos_per_hour": round(3600 / ours.wall_s, 1),
        "bare_ffmpeg_per_hour": round(3600 / theirs.wall_s, 1),
        "percent_of_bare": round(100 * theirs.wall_s / ours.wall_s, 1),
        "percent_of_bare_by_cpu": round(100 * theirs.cpu_s / ours.cpu_s, 1),
        "goal_percent": GOAL_PERCENT,
        "worker_s": [round(cost.wall_s, 2) for cost in worker],
        "bare_s": [round(cost.wall_s, 2) for cost in bare],
        "worker_cpu_s": round(ours.cpu_s, 2),
        "bare_cpu_s": round(theirs.cpu_s, 2),
    }


def _best(costs: list[Cost]) -> Cost:
    """Noise of the machine only ever adds."""
    return Cost(min(cost.wall_s for cost in costs), min(cost.cpu_s for cost in costs))
