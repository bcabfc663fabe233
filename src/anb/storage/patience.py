"""Asks what may never answer: a share whose server is gone keeps whoever touches it for as long as it is."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

_MOST_AT_ONCE = 16
"""Beyond that many without an answer it is asked no more: each of them keeps a thread."""


class Patience:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._asked: list[threading.Thread] = []

    def ask(self, question: Callable[[], T]) -> T:
        """Raises TimeoutError, which is an OSError, where no answer comes in time."""
        return self._begin(question).result(self._seconds)

    async def hear(self, question: Callable[[], T]) -> T:
        """The same in an event loop, which goes on meanwhile."""
        return await asyncio.wait_for(asyncio.wrap_future(self._begin(question)), self._seconds)

    def _begin(self, question: Callable[[], T]) -> "Future[T]":
        self._asked = [thread for thread in self._asked if thread.is_alive()]
        if len(self._asked) >= _MOST_AT_ONCE:
            raise TimeoutError("too many questions before have had no answer")
        answer: Future[T] = Future()
        # A daemon: the process may end without it.
        thread = threading.Thread(target=_answer, args=(question, answer), name="patience", daemon=True)
        thread.start()
        self._asked.append(thread)
        return answer


def _answer(question: Callable[[], T], answer: "Future[T]") -> None:
    answer.set_running_or_notify_cancel()  # from here on nobody cancels it, and it may be set
    try:
        answer.set_result(question())
    except BaseException as error:  # noqa: BLE001 - it is whoever asked that hears it
        answer.set_exception(error)
