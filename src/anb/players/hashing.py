"""Argon2id off the event loop, at most the cores at once, and a bounded line before it.

A log-in storm may fill this line; everybody else is still served.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from unicodedata import normalize

from pwdlib.hashers.argon2 import Argon2Hasher

from anb.errors import TooManyError

T = TypeVar("T")

_LONGEST_LINE = 200  # at 18 ms each and two cores: under two seconds of waiting; twice that with accents


class PasswordHashing:
    def __init__(self) -> None:
        # OWASP Password Storage Cheat Sheet: m = 19 MiB, t = 2, p = 1.
        self._hasher = Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
        self._pool = ThreadPoolExecutor(min(os.cpu_count() or 1, 4), thread_name_prefix="argon2")
        self._waiting = 0
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        return await self._run(partial(self._hasher.hash, password))

    async def verify(self, password: str, stored: str | None) -> bool:
        """Takes the same time when there is no such player (`stored` is None)."""
        matches = await self._run(partial(self._matches, password, stored or self._nobody))
        return matches and stored is not None

    def _matches(self, password: str, stored: str) -> bool:
        """It comes composed (`schemas.py`). An account from before that may have been made with it taken apart."""
        forms = dict.fromkeys((password, normalize("NFD", password)))
        return any(self._hasher.verify(form, stored) for form in forms)

    def is_outdated(self, stored: str) -> bool:
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _LONGEST_LINE:
            raise TooManyError("busy")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1
