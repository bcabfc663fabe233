"""One committer a process: whatever ballots queued up while the last batch was committed go in the next.

No artificial wait: a lone vote is committed at once, a storm in batches. A caller hears of its vote only after the
commit, so what was answered 201 is on disk.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from anb.errors import BusyError, raisable
from anb.voting.ballot import Ballot
from anb.voting.service import Result

log = structlog.get_logger(__name__)

_LARGEST_BATCH = 200
_LONGEST_LINE = 5000
_LONGEST_WAIT_S = 30.0
"""A database that has said nothing for so long is frozen, or cut off."""

_Waiting = tuple[Ballot, "asyncio.Future[Result]"]


class BallotBox:
    def __init__(self, count: Callable[[Sequence[Ballot]], list[Result]]) -> None:
        """`count` runs in the committer's thread."""
        self._count = count
        self._line: queue.Queue[_Waiting | None] = queue.Queue(_LONGEST_LINE)
        self._thread = threading.Thread(target=self._work, name="ballot-box", daemon=True)

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Commits what waits, then returns."""
        self._line.put(None)
        self._thread.join()

    async def cast(self, ballot: Ballot) -> Result:
        """Raises BusyError when too many wait already, or nothing is heard of the database: then the ballot counts or
        not, and may be cast again."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        try:
            self._line.put_nowait((ballot, future))
        except queue.Full:
            raise BusyError("busy") from None
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                return await future
        except TimeoutError:
            raise BusyError("temporarily_unavailable") from None

    def _work(self) -> None:
        closing = False
        while not closing:
            batch, closing = self._next_batch()
            if batch:
                self._commit(batch)

    def _next_batch(self) -> tuple[list[_Waiting], bool]:
        batch: list[_Waiting] = []
        waiting = self._line.get()
        while waiting is not None:
            batch.append(waiting)
            if len(batch) == _LARGEST_BATCH:
                return batch, False
            try:
                waiting = self._line.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            counted = self._count([ballot for ballot, _ in batch])
            results = [result for _, result in zip(batch, counted, strict=True)]
        except BaseException as error:  # noqa: BLE001 - whatever it was, the callers hear and log it; the thread lives on
            log.error("batch_failed", ballots=len(batch), error=repr(error)[:200])
            _tell(batch, partial(_fail, raisable(error)))
        else:
            _tell(batch, lambda future, index: future.set_result(results[index]))


def _fail(error: Exception, future: "asyncio.Future[Result]", _index: int) -> None:
    future.set_exception(error)


def _tell(batch: list[_Waiting], answer: Callable[["asyncio.Future[Result]", int], None]) -> None:
    """One call into the loop for the whole batch; a caller that left in the meantime is passed over."""

    def answer_all() -> None:
        for index, (_, future) in enumerate(batch):
            if not future.done():
                answer(future, index)

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        batch[0][1].get_loop().call_soon_threadsafe(answer_all)
