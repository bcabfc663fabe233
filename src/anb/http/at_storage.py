"""Threads for what touches stored files, apart from those of everything else.

A share whose server is gone keeps whoever touches it, for as long as it is gone: no call can be taken back. So there
are places for some of them only; whoever finds none hears 503, and log-ins, lists and votes go on.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from math import inf
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from anb.errors import BusyError

T = TypeVar("T")

_PLACES = 32
_PATIENCE_S = 20.0
"""Of who waits for a place. A storage that is merely slow has long made one by then."""

_places: RunVar[asyncio.Semaphore] = RunVar("anb_storage_places")
_threads: RunVar[CapacityLimiter] = RunVar("anb_storage_threads")


async def at_storage(work: Callable[..., T], *arguments: object) -> T:
    """In a thread. Raises BusyError where no place comes free in time; what has begun is waited for."""
    places = _of_this_loop()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await places.acquire()
    except TimeoutError:
        raise BusyError("temporarily_unavailable") from None
    return await _work(places, work, *arguments)


async def leave_storage(work: Callable[..., T], *arguments: object) -> T:
    """The same for what must not be left undone, such as to let go of a file: waits for a place as long as it takes."""
    places = _of_this_loop()
    await places.acquire()
    return await _work(places, work, *arguments)


async def _work(places: asyncio.Semaphore, work: Callable[..., T], *arguments: object) -> T:
    try:
        return await to_thread.run_sync(partial(work, *arguments), limiter=_threads.get())
    finally:
        places.release()


def _of_this_loop() -> asyncio.Semaphore:
    try:
        return _places.get()
    except LookupError:
        _threads.set(CapacityLimiter(inf))  # the places are what limits
        _places.set(places := asyncio.Semaphore(_PLACES))
        return places
