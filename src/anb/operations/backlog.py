"""How many videos wait, and for how long: read from the database, which is the truth, at most every five seconds."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError

from anb.db import Database
from anb.processing import repository
from anb.processing.repository import Backlog

_KEPT_S = 5.0
_PATIENCE_S = 2.0


class KeptBacklog:
    """Whoever asks waits for two seconds at most: who looks at a system in trouble must not be held up by it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="backlog")
        self._lock = threading.Lock()
        self._asked_at = 0.0
        self._answer: Future[Backlog] | None = None

    def now(self) -> Backlog | None:
        """None: the database does not say."""
        with self._lock:
            stale = time.monotonic() - self._asked_at >= _KEPT_S
            if self._answer is None or (stale and self._answer.done()):
                self._asked_at = time.monotonic()
                self._answer = self._reader.submit(self._read)
            answer = self._answer
        try:
            return answer.result(_PATIENCE_S)
        except (SQLAlchemyError, OSError):  # a time-out is an OSError
            return None

    def close(self) -> None:
        """The reader is waited for, as the interpreter's end would: its connection would outlive its pool."""
        self._reader.shutdown(cancel_futures=True)

    def _read(self) -> Backlog:
        with self._database.read() as session:
            return repository.backlog(session)
