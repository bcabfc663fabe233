"""Asks a storage that may never answer: a share whose server is gone keeps whoever touches it for as long as it is."""

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
        self._asked = [thread for thread in self._asked if thread.is_alive()]
        if len(self._asked) >= _MOST_AT_ONCE:
            raise TimeoutError("the storage is silent")
        answer: Future[T] = Future()
        # A daemon: the process may end without it.
        thread = threading.Thread(target=_answer, args=(question, answer), name="storage", daemon=True)
        thread.start()
        self._asked.append(thread)
        return answer.result(self._seconds)


def _answer(question: Callable[[], T], answer: "Future[T]") -> None:
    try:
        answer.set_result(question())
    except BaseException as error:  # noqa: BLE001 - it is whoever asked that hears it
        answer.set_exception(error)
