"""Counts what `rules.py` limits, shared by all processes where there is a Redis. The only door to it but Celery's.

One connection a process: whatever tries queued up while the last script ran go into the next one (a vote costs 25 µs
of CPU that way, and 180 with a call for each key). Without Redis each process counts for itself, and nobody waits.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from anb import metrics
from anb.errors import TooManyError, raisable
from anb.limits.rules import Action, Count, Window, address_group, verdict, windows

log = structlog.get_logger(__name__)

_PATIENCE_S = 0.5
"""A Redis on the same network answers within a millisecond; one that does not is away."""
_LEFT_ALONE_S = 5.0
"""A Redis that was away is not asked again for this long."""
_LARGEST_BATCH = 200
_MOST_KEPT = 100_000

_COUNT = """
local counts = {}
for i, key in ipairs(KEYS) do
    local count = redis.call('INCR', key)
    local left = redis.call('PTTL', key)
    if left < 0 or left > tonumber(ARGV[i]) then -- new; or Redis' clock was set back, and it would last as much longer
        redis.call('PEXPIRE', key, ARGV[i])
        left = tonumber(ARGV[i])
    end
    counts[i] = {count, left}
end
return counts
"""


class RateLimits:
    """Made inside the event loop that uses it, after any fork. Without `url` everything is counted in memory."""

    def __init__(self, url: str, times: float) -> None:
        self._times = times
        self._own = OwnCounts()
        self._shared = SharedCounts(url) if url else None
        self._ask_again_at = 0.0

    async def require(self, action: Action, **who: str) -> None:
        """Counts this try. Raises TooManyError with the seconds to wait; a try that is only slowed waits here."""
        asked = windows(action, _grouped(who), self._times)
        judged = verdict(asked, await self._add(asked))
        if judged.refused_for_s:
            metrics.RATE_LIMITED.labels(action).inc()
            raise TooManyError("too_many_requests", seconds=judged.refused_for_s)
        if judged.slowed_by_s:
            await asyncio.sleep(judged.slowed_by_s)

    async def forget(self, action: Action, **who: str) -> None:
        """What was counted by the account of `who`, once they have shown that it is theirs."""
        keys = [window.key for window in windows(action, _grouped(who)) if "account" in window.by]
        self._own.forget(keys)
        if self._shared and time.monotonic() >= self._ask_again_at:
            try:
                await self._shared.forget(keys)
            except (RedisError, OSError) as error:
                self._leave_alone(error)

    async def close(self) -> None:
        if self._shared:
            await self._shared.close()

    async def _add(self, asked: Sequence[Window]) -> list[Count]:
        if self._shared and time.monotonic() >= self._ask_again_at:
            try:
                return await self._shared.add(asked)
            except (RedisError, OSError) as error:
                self._leave_alone(error)
        return self._own.add(asked)

    def _leave_alone(self, error: Exception) -> None:
        now = time.monotonic()
        if now >= self._ask_again_at:
            log.warning("rate_limits_not_shared", reason=type(error).__name__, for_s=_LEFT_ALONE_S)
            self._ask_again_at = now + _LEFT_ALONE_S


class OwnCounts:
    """In this process alone. Used from the event loop only, so nothing comes between two of its lines."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        """The count, and when its window ends (monotonic seconds)."""

    def add(self, asked: Sequence[Window]) -> list[Count]:
        now = time.monotonic()
        if len(self._counts) > _MOST_KEPT:
            self._make_room(now)
        return [self._add_one(window, now) for window in asked]

    def forget(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._counts.pop(key, None)

    def _add_one(self, window: Window, now: float) -> Count:
        value, end = self._counts.get(window.key, (0, 0.0))
        if end <= now:
            value, end = 0, now + window.seconds
        self._counts[window.key] = (value + 1, end)
        return Count(value + 1, end - now)

    def _make_room(self, now: float) -> None:
        """What is over goes; where a flood left more than may be kept, the oldest half goes as well."""
        running = [(key, kept) for key, kept in self._counts.items() if kept[1] > now]
        self._counts = dict(running[-_MOST_KEPT // 2 :])


async def require_shared(url: str) -> None:
    """Raises RedisError or OSError where this Redis would not count."""
    shared = SharedCounts(url)
    try:
        await shared.add([])
    finally:
        await shared.close()


class SharedCounts:
    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(
            url, socket_connect_timeout=_PATIENCE_S, socket_timeout=_PATIENCE_S, retry=Retry(NoBackoff(), 1)
        )
        self._script = self._redis.register_script(_COUNT)
        self._line: list[tuple[Sequence[Window], asyncio.Future[list[Count]]]] = []
        self._clerk: asyncio.Task[None] | None = None

    async def add(self, asked: Sequence[Window]) -> list[Count]:
        """Raises RedisError or OSError within half a second where Redis does not answer."""
        future: asyncio.Future[list[Count]] = asyncio.get_running_loop().create_future()
        self._line.append((asked, future))
        if self._clerk is None:
            self._clerk = asyncio.create_task(self._work())
        return await future

    async def forget(self, keys: Sequence[str]) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            await self._redis.delete(*keys)

    async def close(self) -> None:
        await self._redis.aclose()

    async def _work(self) -> None:
        try:
            while self._line:
                batch, self._line = self._line[:_LARGEST_BATCH], self._line[_LARGEST_BATCH:]
                try:
                    counts = iter(await self._count([window for asked, _ in batch for window in asked]))
                except BaseException as error:
                    batch, self._line = batch + self._line, []  # whoever came meanwhile need not wait for the same
                    for _, future in batch:  # also of what nobody foresaw: a request must not wait for ever
                        _fail(future, raisable(error))
                    if not isinstance(error, Exception):
                        raise
                else:
                    for asked, future in batch:
                        _tell(future, [next(counts) for _ in asked])
        finally:
            self._clerk = None

    async def _count(self, asked: Sequence[Window]) -> list[Count]:
        async with asyncio.timeout(_PATIENCE_S):  # TimeoutError is an OSError
            rows = await self._script([window.key for window in asked], [window.seconds * 1000 for window in asked])
        return [Count(int(value), milliseconds / 1000) for _, (value, milliseconds) in zip(asked, rows, strict=True)]


def _tell(future: "asyncio.Future[list[Count]]", counts: list[Count]) -> None:
    if not future.done():  # its client may have left
        future.set_result(counts)


def _fail(future: "asyncio.Future[list[Count]]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _grouped(who: dict[str, str]) -> dict[str, str]:
    return who | {"address": address_group(who["address"])} if "address" in who else who
