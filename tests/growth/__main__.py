"""`make growth`: a real stack under the loads that the document waits for. Each makes its trigger fire, and no other.

A minute lasts a second here (ANB_HISTORY_EVERY_S=1), so that an hour above 70 % takes one minute to show.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
from deployment.stack.configuration import Plan, free_ports
from deployment.stack.servers import ANB, Stack
from rich.console import Console
from rich.table import Table

from tests.cast import wish
from tests.media.factory import ffmpeg, picture

_SETTINGS = {
    "ANB_HISTORY_EVERY_S": "1",
    "ANB_DISK_RESERVE_BYTES": "0",
    "ANB_RATE_LIMITS_TIMES": "100000",  # everybody has one address here
    "ANB_MAX_UNFINISHED_VIDEOS": "1000",
    "ANB_SWEEP_EVERY_S": "1",
}
_PATIENCE_S = 300
_PEOPLE, _AT_ONCE, _VIDEOS = 100, 64, 25

Load = Callable[["Crowd"], Awaitable[None]]


class Crowd:
    """People with accounts. Each request is one of theirs; nginx keeps none of these."""

    def __init__(self, http: httpx2.AsyncClient, stack: Stack, clip: bytes) -> None:
        self.http, self.stack, self._clip = http, stack, clip
        self.accounts: list[dict[str, str]] = []
        self.tokens: list[str] = []

    async def arrive(self, count: int) -> None:
        for number in range(count):
            account = wish("Ana", email=f"{uuid.uuid4().hex}@example.com")
            (await self.http.post("/api/auth/signup", json=account)).raise_for_status()
            login = {"email": account["email"], "password": account["password1"]}
            self.accounts.append(login)
            self.tokens.append((await self._log_in(number))["access_token"])

    async def _log_in(self, number: int) -> Any:
        answer = await self.http.post("/api/auth/login", json=self.accounts[number % len(self.accounts)])
        return answer.raise_for_status().json()

    async def look_around(self) -> None:
        """All of them within a minute, at an easy pace."""
        while True:
            for token in self.tokens:
                answer = await self.http.get("/api/videos", headers={"Authorization": f"Bearer {token}"})
                answer.raise_for_status()
                await asyncio.sleep(15 / len(self.tokens))

    async def all_log_in(self) -> None:
        """More at once than two threads a process can hash: the CPU is full and answers wait."""

        async def one(number: int) -> None:
            while True:
                await self._log_in(number)

        async with asyncio.TaskGroup() as group:
            for number in range(_AT_ONCE):
                group.create_task(one(number))

    async def upload_without_a_worker(self) -> None:
        self.stack.control("stopProcess", "worker")
        for number in range(_VIDEOS):
            unique = self._clip + (24).to_bytes(4, "big") + b"free" + uuid.uuid4().bytes  # ISO/IEC 14496-12, 8.1.2
            answer = await self.http.post(
                "/api/videos/upload", data={"title": "Triple"}, files={"file": (f"{number}.mp4", unique)},
                headers={"Authorization": f"Bearer {self.tokens[0]}"},
            )  # fmt: skip
            answer.raise_for_status()
        await asyncio.Event().wait()


_LOADS: tuple[tuple[str, Load, frozenset[str]], ...] = (
    ("25 videos and no worker", Crowd.upload_without_a_worker, frozenset({"QueueLong"})),
    (f"{_PEOPLE} people look around", Crowd.look_around, frozenset({"ManyPeople"})),
    (f"{_AT_ONCE} log-ins at a time", Crowd.all_log_in, frozenset({"SlowAnswers", "WebServerBusy"})),
)


def main() -> int:
    clip = ffmpeg(*picture(), "-c:v", "libx264", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov", "-")
    table = Table("load", "fires", "after", "text")
    with tempfile.TemporaryDirectory(prefix="anb-growth-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's user must come through
        with Stack(Plan(Path(folder), free_ports()), _SETTINGS) as stack:
            wrong = asyncio.run(_rehearse(stack, clip, table))
    Console(width=120).print(table)
    return 1 if wrong else 0


async def _rehearse(stack: Stack, clip: bytes, table: Table) -> int:
    """How often it was not as expected."""
    wrong = 0
    async with httpx2.AsyncClient(base_url=stack.plan.url, timeout=60, trust_env=False) as http:
        crowd = Crowd(http, stack, clip)
        await crowd.arrive(_PEOPLE)
        for name, load, expected in _LOADS:
            before = await _until(stack, lambda fired: not fired)
            _add(table, "nothing", before, "")
            async with _under(load(crowd)) as going_on:
                started = time.monotonic()
                fired = await _until(stack, partial(_all_of, expected), going_on)
                _add(table, name, fired, f"{time.monotonic() - started:.0f} s")
            if stack.pid("worker") is None:
                stack.control("startProcess", "worker")
            wrong += bool(before) + (fired.keys() != expected)
    return wrong


def _all_of(expected: frozenset[str], fired: dict[str, str]) -> bool:
    return expected <= fired.keys()


def _add(table: Table, load: str, fired: dict[str, str], after: str) -> None:
    for trigger, text in fired.items() or [("none", "")]:
        table.add_row(load, trigger, after, text)


@asynccontextmanager
async def _under(load: Awaitable[None]) -> AsyncIterator[asyncio.Future[None]]:
    task = asyncio.ensure_future(load)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _until(
    stack: Stack, done: Callable[[dict[str, str]], bool], going_on: asyncio.Future[None] | None = None
) -> dict[str, str]:
    """What fires when it is so, or when patience ends; a load that breaks is an error."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        fired = await asyncio.to_thread(_advice, stack)
        if done(fired) or time.monotonic() > deadline:
            return fired
        if going_on is not None and going_on.done():
            going_on.result()
        await asyncio.sleep(1)


def _advice(stack: Stack) -> dict[str, str]:
    """By the command itself."""
    asked = subprocess.run([ANB, "advise", "--json"], env=stack.environment, capture_output=True, check=True)
    return {one["name"]: one["says"] for one in json.loads(asked.stdout)["triggers"] if one["fires"]}


if __name__ == "__main__":
    sys.exit(main())
