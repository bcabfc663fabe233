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
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

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
    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._generation = 0

    def forget(self) -> None:
        """Something public changed. May be called from any thread."""
        self._generation += 1

    async def answer(self, request: Request, load: Callable[[], Content]) -> Response:
        """`load` runs in a thread and may raise; then nothing is kept. The key is the path with its query."""
        page = await self._page(f"{request.url.path}?{request.url.query}", load, fresh=_wants_fresh(request))
        known = request.headers.get("if-none-match", "")
        if page.headers["ETag"] in known or known.strip() == "*":
            return Response(status_code=304, headers=page.headers)
        return Response(page.body, headers=page.headers, media_type="application/json")

    async def _page(self, key: str, load: Callable[[], Content], *, fresh: bool) -> _Page:
        kept = self._kept.get(key)
        now = time.monotonic()
        if fresh or kept is None or kept.generation != self._generation or kept.until < now:
            if len(self._kept) >= _MOST_PAGES:
                self._kept.clear()
            kept = _Kept(self._generation, now + KEPT_S, asyncio.create_task(_load(load)))
            kept.page.add_done_callback(lambda task: self._drop_failed(key, task))
            self._kept[key] = kept
        return await asyncio.shield(kept.page)  # one client that leaves must not cancel the load for all

    def _drop_failed(self, key: str, task: "asyncio.Task[_Page]") -> None:
        kept = self._kept.get(key)
        failed = task.cancelled() or task.exception() is not None
        if failed and kept is not None and kept.page is task:
            del self._kept[key]


async def _load(load: Callable[[], Content]) -> _Page:
    content = await run_in_threadpool(load)
    body = orjson.dumps(content.body, option=orjson.OPT_UTC_Z)
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return _Page(body, {"Cache-Control": _CACHE_CONTROL, "ETag": etag, **content.headers})


def _wants_fresh(request: Request) -> bool:
    return "no-cache" in request.headers.get("cache-control", "")
