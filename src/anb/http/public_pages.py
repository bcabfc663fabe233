"""Public answers, encoded once and kept for a second in the process: loaded once however many ask.

A commit of this very process drops them at once, so that the embedded shape never shows an old total.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anb.replica import PublicReads

KEPT_S = 1.0
_MOST_PAGES = 1000
_CACHE_CONTROL = "public, max-age=1, stale-while-revalidate=10"


@dataclass(frozen=True)
class Content:
    """What a page says, before it is encoded."""

    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Kept:
    generation: int
    until: float
    page: "asyncio.Task[_Page]"


@dataclass(frozen=True)
class _Page:
    body: bytes
    headers: dict[str, str]


class PublicPages:
    def __init__(self, reads: PublicReads) -> None:
        self._reads = reads
        self._kept: dict[str, _Kept] = {}
        self._generation = 0

    def forget(self) -> None:
        """Something public changed. May be called from any thread."""
        self._generation += 1

    async def answer(self, request: Request, load: Callable[[Session], Content]) -> Response:
        """`load` runs in a thread and may raise; then nothing is kept. The key is the path with its query.

        `Cache-Control: no-cache` asks for what is there now: past all that is kept, and from the primary. Whoever has
        just voted and wants to see it asks so.
        """
        page = await self._page(f"{request.url.path}?{request.url.query}", load, fresh=_wants_fresh(request))
        known = request.headers.get("if-none-match", "")
        if page.headers["ETag"] in known or known.strip() == "*":
            return Response(status_code=304, headers=page.headers)
        return Response(page.body, headers=page.headers, media_type="application/json")

    async def _page(self, key: str, load: Callable[[Session], Content], *, fresh: bool) -> _Page:
        kept = self._kept.get(key)
        now = time.monotonic()
        if fresh or kept is None or kept.generation != self._generation or kept.until < now:
            if len(self._kept) >= _MOST_PAGES:
                self._kept.clear()
            kept = _Kept(self._generation, now + KEPT_S, asyncio.create_task(self._load(load, newest=fresh)))
            kept.page.add_done_callback(lambda task: self._drop_failed(key, task))
            self._kept[key] = kept
        return await asyncio.shield(kept.page)  # one client that leaves must not cancel the load for all

    async def _load(self, load: Callable[[Session], Content], *, newest: bool) -> _Page:
        content = await run_in_threadpool(self._reads.load, load, newest=newest)
        body = orjson.dumps(content.body, option=orjson.OPT_UTC_Z)
        etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        return _Page(body, {"Cache-Control": _CACHE_CONTROL, "ETag": etag, **content.headers})

    def _drop_failed(self, key: str, task: "asyncio.Task[_Page]") -> None:
        kept = self._kept.get(key)
        failed = task.cancelled() or task.exception() is not None
        if failed and kept is not None and kept.page is task:
            del self._kept[key]


def _wants_fresh(request: Request) -> bool:
    return "no-cache" in request.headers.get("cache-control", "")
