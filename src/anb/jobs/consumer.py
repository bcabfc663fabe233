"""How a worker comes back after its broker was away."""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

_ASKS_AGAIN_AFTER_S = 2


class PatientConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    def ensure_connected(self, conn: Any) -> Any:
        """Ask for the broker at an even pace, for ever.

        Celery itself waits two seconds longer each time, up to 30: after a minute without Redis a worker would sit
        there for up to 16 seconds more.
        """
        conn.ensure_connection = partial(conn.ensure_connection, interval_start=_ASKS_AGAIN_AFTER_S, interval_step=0)
        return super().ensure_connected(conn)

    def call_soon_ack(self, p: Any, *args: Any, **kwargs: Any) -> Any:
        return super().call_soon_ack(partial(self._tell, p), *args, **kwargs)

    def _tell(self, acknowledge: Any, *args: Any, **kwargs: Any) -> None:
        """Connect anew where the broker does not hear that a message is done with.

        Celery only logs it. On Redis the message then counts as held for ever; a worker all of whose messages end while
        Redis is away holds as many as it may, asks for no more, and so never finds out that it has no connection.
        """
        acknowledge(*args, **kwargs)
        message = acknowledge.__self__
        if self.hub and not message.acknowledged:
            # From a timer, for what is raised there ends the loop alone, and no other call that is due is lost.
            self.hub.timer.call_after(0, self._connect_anew, (message.channel,))

    def _connect_anew(self, lost: Any) -> None:
        """Unless that has happened: of an earlier connection nothing is held any more."""
        if self.task_consumer is not None and self.task_consumer.channel is lost:
            raise ConnectionError("the broker did not hear an acknowledgement")
